// What a model card says of using the model: the prompt that it was trained for, with Python's transformers and here.

export interface CardUsage {
  /** What goes before what is to be written. */
  readonly prompt: string;
  readonly maxNewTokens: number;
  /** Of a model that fills gaps. */
  readonly template?: CardTemplate;
}

export interface CardTemplate {
  /** A whole example as one text. */
  readonly example: string;
  /** Metadata that it knows. */
  readonly fields: readonly string[];
  readonly file: string;
  /** The markers whose id is the type of every token of their section, where tokens have types. */
  readonly sectionMarkers?: readonly string[];
}

export function usageSections(name: string, usage: CardUsage, isAdapter: boolean): string[] {
  const { template } = usage;
  return [
    "## How to use",
    "",
    `With ${isAdapter ? "PEFT and transformers" : "transformers"}; ${JSON.stringify(name)} is this folder, or its ` +
      "name on the Hub:",
    "",
    "```python",
    ...python(name, usage, isAdapter),
    "```",
    "",
    "With gpt2-webgpu, on the command line and in JavaScript:",
    "",
    "```sh",
    template
      ? `npx gpt2-webgpu generate --model_name_or_path ${shell(name)} --beam 4 \\\n` +
        `  --p1 "The paragraph before." --p3 "The paragraph after."`
      : `npx gpt2-webgpu generate --model_name_or_path ${shell(name)} --prompt ${shell(usage.prompt)}`,
    "```",
    "",
    "```js",
    ...javascript(name, usage),
    "```",
    "",
    ...(template ? templateSection(template) : []),
  ];
}

/** JSON's strings are Python's and JavaScript's as well. */
const literal = (text: string): string => JSON.stringify(text);
const shell = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function python(name: string, { prompt, maxNewTokens, template }: CardUsage, isAdapter: boolean): string[] {
  const markers = template?.sectionMarkers;
  return [
    ...(isAdapter
      ? ["from peft import AutoPeftModelForCausalLM", "from transformers import AutoTokenizer"]
      : ["from transformers import AutoModelForCausalLM, AutoTokenizer"]),
    "",
    `tokenizer = AutoTokenizer.from_pretrained(${literal(name)})`,
    `model = ${isAdapter ? "AutoPeftModelForCausalLM" : "AutoModelForCausalLM"}.from_pretrained(${literal(name)})`,
    `inputs = tokenizer(${literal(prompt)}, return_tensors="pt")`,
    ...(markers
      ? [
          `markers = tokenizer.convert_tokens_to_ids(${JSON.stringify(markers)})`,
          "types, section = [], 0",
          `for token in inputs["input_ids"][0].tolist():`,
          "    section = token if token in markers else section",
          "    types.append(section)",
          `inputs["token_type_ids"] = inputs["input_ids"].new_tensor([types])`,
        ]
      : []),
    `output = model.generate(**inputs, max_new_tokens=${maxNewTokens}, num_beams=4)`,
    `print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))`,
  ];
}

function javascript(name: string, { prompt, maxNewTokens, template }: CardUsage): string[] {
  if (template)
    return [
      importLine("Infiller", "gpt2-webgpu/infill"),
      "",
      `const infiller = await Infiller.load(${literal(name)});`,
      'const { text } = await infiller.fill({ p1: "The paragraph before.", p3: "The paragraph after." });',
      "infiller.dispose();",
    ];
  return [
    importLine("generate, GPT2Decoder, GPT2LMHeadModel, GPT2Tokenizer, requestDevice", "gpt2-webgpu"),
    "",
    "const device = await requestDevice();",
    `const tokenizer = await GPT2Tokenizer.fromPretrained(${literal(name)});`,
    `const model = await GPT2LMHeadModel.fromPretrained(device, ${literal(name)}, { gradients: false });`,
    `const inputIds = [tokenizer.encode(${literal(prompt)})];`,
    `const { sequences } = await generate(new GPT2Decoder(model), { inputIds, maxNewTokens: ${maxNewTokens} });`,
    "const text = tokenizer.decode(sequences[0]);",
    "device.destroy();",
  ];
}

const importLine = (names: string, entry: string): string => `import { ${names} } from ${literal(entry)};`;

function templateSection({ example, fields, file }: CardTemplate): string[] {
  return [
    "## Template",
    "",
    "What stands before a gap, what stands after it and what is wanted in it, as the model has learned to read them:",
    "",
    "```text",
    example,
    "```",
    "",
    ...(fields.length > 0
      ? [`Metadata, all of it optional: ${fields.map((field) => `\`${field}\``).join(", ")}.`]
      : []),
    `\`${file}\`, beside the weights, says it exactly.`,
    "",
  ];
}
