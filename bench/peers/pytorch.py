"""PyTorch with Hugging Face's transformers, as the other systems are: the protocol of protocol.ts over stdin, stdout.

The argument says what is measured: "model" (forward, training step, prefill, decoding by hand), "generate" (decoding by
generate(), as it comes) or "compiled" (decoding by generate() with a static cache, the forward pass by torch.compile).
On CUDA where there is a GPU, else on the processor; float32, without TF32. run.ts skips it where torch is not there.
"""

import base64
import json
import resource
import struct
import sys
import time

MARK = "gpt2-peers "
LOSSES = 3
MODE = sys.argv[1]


class Unable(Exception):
    """The system cannot do a task, for the reason in the message."""


def say(message):
    sys.stdout.write(MARK + json.dumps(message) + "\n")
    sys.stdout.flush()


def encode_floats(values):
    flat = values.detach().float().cpu().reshape(-1).tolist()
    return base64.b64encode(struct.pack(f"<{len(flat)}f", *flat)).decode()


def peak_bytes():
    """Linux counts kilobytes, macOS bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class Prepared:
    def __init__(self, task):
        import torch
        from transformers import GPT2LMHeadModel

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.task = task
        self.model = GPT2LMHeadModel.from_pretrained(task["folder"]).float().to(self.device)
        self.model.train(task["kind"] == "train")
        self.ids = torch.tensor(task["inputIds"], device=self.device)
        kind = task["kind"]
        if MODE != "model":
            if kind != "decode":
                raise Unable("generate() is measured at decoding alone")
            self.run, self.result = self.generate, {"ids": self.generated(task["tokens"])}
        elif kind == "forward":
            length = self.ids.shape[1]
            logits = self.forward()[0, [0, length // 2, length - 1]]
            self.run, self.result = self.timed(self.forward), {"logits": encode_floats(logits)}
        elif kind == "prefill":
            self.run, self.result = self.timed(self.prefill), {"logits": encode_floats(self.prefill())}
        elif kind == "train":
            # every parameter alike, no decay: what the other systems do
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=task["learningRate"], weight_decay=0.0)
            self.run, self.result = self.timed(self.train), {"losses": [self.train() for _ in range(LOSSES)]}
        else:
            count = 1 if kind == "start" else task["tokens"]
            self.run, self.result = self.decode_time, {"ids": self.decode(count)[0]}

    def timed(self, work):
        def run():
            start = time.perf_counter()
            work()
            return (time.perf_counter() - start) * 1000

        return run

    def forward(self):
        with self.torch.inference_mode():
            return self.model(self.ids).logits.cpu()

    def step(self, ids, past):
        """Logits of the last position alone, and the cache."""
        with self.torch.inference_mode():
            out = self.model.transformer(ids, past_key_values=past, use_cache=True)
            return self.model.lm_head(out.last_hidden_state[:, -1]), out.past_key_values

    def prefill(self):
        return self.step(self.ids, None)[0].cpu()

    def train(self):
        loss = self.model(self.ids, labels=self.ids).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def decode(self, count):
        logits, past = self.step(self.ids, None)
        ids, at = [int(logits.argmax())], [time.perf_counter()]
        while len(ids) < count:
            logits, past = self.step(self.torch.tensor([ids[-1:]], device=self.device), past)
            ids.append(int(logits.argmax()))
            at.append(time.perf_counter())
        return ids, at

    def decode_time(self):
        _, at = self.decode(self.task["tokens"])
        return (at[-1] - at[0]) / (len(at) - 1) * 1000

    def generated(self, count):
        """Ids; the clock of a run is in generate()."""
        options = {"cache_implementation": "static"} if MODE == "compiled" else {}
        if MODE == "compiled" and not hasattr(self, "is_compiled"):
            self.model.forward = self.torch.compile(self.model.forward, mode="reduce-overhead", fullgraph=True)
            self.is_compiled = True
        with self.torch.inference_mode():
            out = self.model.generate(
                self.ids,
                attention_mask=self.torch.ones_like(self.ids),
                do_sample=False,
                max_new_tokens=count,
                min_new_tokens=count,
                **options,
            )
        return out[0, self.ids.shape[1] :].tolist()

    def generate(self):
        """A token, from two calls of different lengths: the prompt and generate()'s own beginning are not in it."""
        tokens = self.task["tokens"]
        short = max(1, tokens // 8)
        few, many = (self.timed(lambda count=count: self.generated(count))() for count in (short, tokens))
        return (many - few) / (tokens - short)


def main():
    import torch
    import transformers

    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    version = torch.__version__ if MODE == "model" else f"{transformers.__version__} (torch {torch.__version__})"
    say({"hello": {"name": f"PyTorch, {MODE}", "version": version, "device": device}})
    prepared = None
    for line in sys.stdin:
        if not line.startswith(MARK):
            continue
        request = json.loads(line[len(MARK) :])
        if request["do"] == "end":
            break
        if request["do"] == "prepare":
            prepared = Prepared(request["task"])
            say({"prepared": prepared.result})
        else:
            say({"ms": [prepared.run() for _ in range(request["times"])], "peakBytes": peak_bytes()})


if __name__ == "__main__":
    try:
        main()
    except Unable as error:
        say({"unable": str(error)})
        sys.exit(1)
    except Exception as error:  # whatever it was, run.ts shows it
        say({"failed": f"{type(error).__name__}: {error}"})
        sys.exit(1)
