// Memory on the GPU: who owns it, what the pool's figures say, and what happens when there is none left.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import fc from "fast-check";
import { mebibytes } from "../src/gpu/bytes.ts";
import type { Device } from "../src/gpu/device.ts";
import { Failures } from "../src/gpu/failures.ts";
import { Scope } from "../src/gpu/scope.ts";
import { columnSum } from "../src/kernels/column-sum.ts";
import { openDevice } from "./check-kernel.ts";
import { shortOfMemory } from "./short-of-memory.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

test("amounts of memory are right beyond 2 GiB, where shifts wrap", () => {
  expect(mebibytes(3 * 2 ** 30)).toBe("3072 MiB");
  expect(mebibytes(2 ** 31)).toBe("2048 MiB");
  expect(mebibytes(5 * 2 ** 40)).toBe("5242880 MiB");
  expect(mebibytes(2 ** 20)).toBe("1 MiB");
  expect(mebibytes(100_000)).toBe("0.1 MiB");
});

describe("a scope", () => {
  test("gives back what it owns, once, and tells of its end", () => {
    const live = device.pool.liveBytes;
    const scope = new Scope(device.pool, "The sum");
    const [a, b, c] = [scope.acquire([3]), scope.acquire([500]), scope.adopt(device.pool.acquire([7], "u32"))];
    scope.letGo(a);
    scope.giveBack(b);
    scope.giveBack(b);
    scope.end("it was read");
    scope.end("never");
    expect(device.pool.liveBytes).toBe(live + a.buffer.size);
    device.pool.release(a);
    expect(() => device.pool.release(c)).toThrow("released twice");
    expect(() => scope.acquire([1])).toThrow("The sum is gone: it ended when it was read");
    expect(() => scope.expectOpen()).toThrow("it was read");
  });

  test("what throws half-way has taken nothing, however deep; what returns keeps all", () => {
    const { pool } = device;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 12 }), fc.boolean(), (takes, throws) => {
        const before = pool.acquire([5]);
        const live = pool.liveBytes;
        const kept: number[] = [];
        const call = (): void =>
          pool.attempt(() => {
            for (const [size, released] of takes) {
              const tensor = size % 2 ? pool.reserve(size) : pool.acquire([size]);
              if (released) pool.release(tensor);
              else kept.push(tensor.buffer.size);
            }
            pool.attempt(() => pool.release(pool.acquire([9])));
            if (throws) throw new Error("half-way");
          });
        if (throws) expect(call).toThrow("half-way");
        else call();
        const sum = kept.reduce((a, b) => a + b, 0);
        expect(pool.liveBytes).toBe(live + (throws ? 0 : sum));
        pool.release(before);
      }),
      { numRuns: 50 },
    );
  });
});

describe("the pool's figures", () => {
  test("read-back is counted while it lasts, kept for the next read, and trimmed", async () => {
    const own = await openDevice();
    const { pool } = own;
    const tensor = own.tensor(new Float32Array(50_000).fill(3), [50_000]);
    const live = pool.liveBytes;
    const read = own.stage(tensor);
    expect(pool.readBackBytes).toBeGreaterThanOrEqual(200_000);
    expect((await read().then((bytes) => new Float32Array(bytes))).every((value) => value === 3)).toBe(true);
    expect([pool.liveBytes, pool.readBackBytes]).toEqual([live, 0]);
    const { created, allocatedBytes } = pool;
    await own.read(tensor);
    expect({ created: pool.created, allocatedBytes: pool.allocatedBytes }).toEqual({ created, allocatedBytes });
    await expect(read()).rejects.toThrow("read before");
    pool.release(tensor);
    expect(pool.trim()).toBeGreaterThanOrEqual(2);
    expect(pool.allocatedBytes).toBe(0);
    own.destroy();
  });

  test("a large read keeps nothing, and takes little more than what is read", async () => {
    const own = await openDevice();
    const tensor = own.pool.reserve(10_000_000);
    const before = own.pool.allocatedBytes;
    const reading = own.read(tensor);
    expect(own.pool.allocatedBytes - before).toBeLessThan(46_000_000);
    await reading;
    expect(own.pool.allocatedBytes).toBe(before);
    own.destroy();
  });

  test("a read that is given up gives its room back, and rejects", async () => {
    const tensor = device.tensor(Float32Array.of(1, 2), [2]);
    const staged = device.staging.open(8);
    staged.add(tensor);
    device.batch.submit();
    const reading = staged.read();
    staged.dispose();
    staged.dispose();
    await expect(reading).rejects.toThrow("given up");
    expect(device.pool.readBackBytes).toBe(0);
    expect([...(await device.read(tensor))]).toEqual([1, 2]); // in the same room
    device.pool.release(tensor);
  });
});

describe("what is recorded is sent first", () => {
  test.each<[string, (device: Device) => void]>([
    ["by trim()", ({ pool }) => expect(pool.trim()).toBeGreaterThan(0)],
    ["when a buffer of its own is released", () => {}],
  ])("%s", async (_, end) => {
    const own = await openDevice();
    const { batch, pool } = own;
    const x = own.tensor(Float32Array.of(1, 2, 3), [3, 1]);
    const [pooled, reserved] = [pool.acquire([1]), pool.reserve(1)];
    const out = pool.acquire([1]);
    columnSum(batch, { x, out: pooled });
    columnSum(batch, { x: { ...pooled, shape: [1, 1] }, out: reserved });
    columnSum(batch, { x: { ...reserved, shape: [1, 1] }, out });
    for (const tensor of [x, pooled, reserved]) pool.release(tensor);
    end(own);
    expect([...(await own.read(out))]).toEqual([6]);
    own.destroy();
  });
});

describe("out of memory", () => {
  test("fails the call that met it, with what is in use, parameters too; afterwards the device works", async () => {
    const parameters = device.pool.reserve(3 * 2 ** 18);
    const live = device.pool.liveBytes;
    const end = shortOfMemory(device, () => true);
    expect(() => device.pool.acquire([2 ** 20])).toThrow(
      /^The GPU is out of memory \(\d[\d.]* MiB in use, parameters included, 4 MiB more wanted\): use a smaller batch/,
    );
    expect(Number(/\(([\d.]+)/.exec(device.pool.outOfMemory().message)![1])).toBeGreaterThanOrEqual(3);
    end();
    expect(device.pool.liveBytes).toBe(live);
    const tensor = device.pool.acquire([2 ** 20]);
    device.batch.write(tensor, new Float32Array(2 ** 20).fill(2));
    expect((await device.read(tensor))[2 ** 20 - 1]).toBe(2);
    [parameters, tensor].forEach((each) => device.pool.release(each));
  });

  test("is met by destroying what nobody holds and asking again", () => {
    device.pool.release(device.pool.acquire([2 ** 18]));
    const free = device.pool.allocatedBytes - device.pool.liveBytes;
    expect(free).toBeGreaterThan(0);
    // there is room for 24 MiB, more than any free buffer has, once the free buffers are gone
    const end = shortOfMemory(device, () => device.pool.allocatedBytes > device.pool.liveBytes);
    const tensor = device.pool.acquire([6 * 2 ** 20]);
    end();
    expect(device.pool.allocatedBytes).toBe(device.pool.liveBytes);
    device.pool.release(tensor);
  });

  test("told of afterwards, as browsers do, it fails the reads under way; that memory is not used again", async () => {
    const own = await openDevice();
    const known = own.tensor(Float32Array.of(5), [1]);
    const end = shortOfMemory(own, () => true, { afterwards: true });
    const held = own.pool.acquire([64]);
    const released = own.pool.acquire([64]);
    own.pool.release(released);
    end();
    const reads = [own.read(known), own.read(known)];
    await Promise.all(reads.map((read) => expect(read).rejects.toThrow(/out of memory/)));
    own.pool.release(held);
    const others = [own.pool.acquire([64]), own.pool.acquire([64])];
    for (const other of others) {
      own.batch.write(other, new Float32Array(64).fill(1));
      expect((await own.read(other))[63]).toBe(1);
    }
    expect([...(await own.read(known))]).toEqual([5]);
    own.destroy();
  });
});

describe("failures", () => {
  test("are told once, to the calls under way or else to the next; a loss is told for ever", () => {
    const failures = new Failures();
    const before = failures.mark;
    failures.fail(new Error("first"));
    failures.fail(new Error("its consequence"));
    expect(() => failures.throwSince(before)).toThrow("first");
    expect(() => failures.throwSince(before)).toThrow("first"); // another read that was under way
    failures.throwIfAny();
    failures.throwSince(failures.mark);
    failures.fail(new Error("second"));
    expect(() => failures.throwIfAny()).toThrow("second");
    failures.throwIfAny();
    failures.lose(new Error("lost"));
    failures.lose(new Error("later"));
    for (const look of [() => failures.throwIfAny(), () => failures.throwSince(failures.mark)])
      expect(look).toThrow("lost");
  });

  test("of a launch leave the device usable", async () => {
    const own = await openDevice();
    const tensor = own.tensor(Float32Array.of(1, 2), [2, 1]);
    const out = own.pool.acquire([1]);
    own.gpu.createBuffer({ size: 2 ** 50, usage: 0x80 }).destroy();
    expect(() => own.batch.submit()).toThrow(/exceeds the max buffer size/);
    columnSum(own.batch, { x: tensor, out });
    expect([...(await own.read(out))]).toEqual([3]);
    own.destroy();
  });

  test("using what a destroyed device made says so, and ending it again does nothing", async () => {
    const own = await openDevice();
    const tensor = own.pool.acquire([4]);
    own.destroy();
    own.destroy();
    own.pool.release(tensor);
    expect(() => own.pool.acquire([4])).toThrow("The device was destroyed");
    await expect((async () => own.read(tensor))()).rejects.toThrow("The device was destroyed");
    await expect(own.finish()).rejects.toThrow("The device was destroyed");
  });
});
