// Every shader file and where it stands. The list is written out because bundlers recognise only `new URL` with a literal;
// a test compares it with the folder.
export const wgslFiles: Readonly<Record<string, URL>> = {
  "lib/grid.wgsl": new URL("./lib/grid.wgsl", import.meta.url),
  "lib/rows_subgroup.wgsl": new URL("./lib/rows_subgroup.wgsl", import.meta.url),
  "lib/rows_workgroup.wgsl": new URL("./lib/rows_workgroup.wgsl", import.meta.url),
  "column_sum.wgsl": new URL("./column_sum.wgsl", import.meta.url),
  "layernorm.wgsl": new URL("./layernorm.wgsl", import.meta.url),
  "layernorm_backward_dx.wgsl": new URL("./layernorm_backward_dx.wgsl", import.meta.url),
  "layernorm_backward_dparams.wgsl": new URL("./layernorm_backward_dparams.wgsl", import.meta.url),
};
