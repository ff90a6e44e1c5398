export * from "./training/random.ts";
