export const write = { title: "Write" };
