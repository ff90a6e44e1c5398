// The Hub's own address, as @huggingface/hub has it. A file of its own: the package is built with the address in it, so
// that a page carries nothing else of that library.
export { HUB_URL } from "@huggingface/hub";
