// What the server renders it runs by Node, where the engine comes from npm packages with files of machine code: Next
// leaves those out of its bundles where they are named here.
export default { serverExternalPackages: ["gpt2-webgpu"] };
