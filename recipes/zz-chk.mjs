var __defProp = Object.defineProperty;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __esm = (fn, res, err) => function __init() {
  if (err) throw err[0];
  try {
    return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;
  } catch (e) {
    throw err = [e], e;
  }
};
var __export = (target, all2) => {
  for (var name in all2)
    __defProp(target, name, { get: all2[name], enumerable: true });
};

// src/errors.ts
var AtelierError, ShapeError, ConfigError, DataError, CheckpointError, EngineError, DivergenceError;
var init_errors = __esm({
  "src/errors.ts"() {
    "use strict";
    AtelierError = class extends Error {
      /** Machine-readable facts about the failure. */
      details;
      constructor(message, details = {}, options) {
        super(message, options);
        this.name = new.target.name;
        this.details = details;
      }
    };
    ShapeError = class extends AtelierError {
    };
    ConfigError = class extends AtelierError {
    };
    DataError = class extends AtelierError {
    };
    CheckpointError = class extends AtelierError {
    };
    EngineError = class extends AtelierError {
    };
    DivergenceError = class extends AtelierError {
    };
  }
});

// src/graph/dtype.ts
function sizeOf(shape) {
  return shape.reduce((product2, size7) => product2 * size7, 1);
}
function allocate(dtype, length) {
  return new arrays[dtype](length);
}
function viewOf(dtype, memory, byteOffset, length) {
  return new arrays[dtype](memory, byteOffset, length);
}
var bytesPerElement, arrays;
var init_dtype = __esm({
  "src/graph/dtype.ts"() {
    "use strict";
    bytesPerElement = {
      float32: 4,
      float16: 2,
      int32: 4,
      int64: 8,
      uint8: 1,
      uint32: 4,
      bool: 1
    };
    arrays = {
      float32: Float32Array,
      float16: Uint16Array,
      int32: Int32Array,
      int64: BigInt64Array,
      uint8: Uint8Array,
      uint32: Uint32Array,
      bool: Uint8Array
    };
  }
});

// src/runtime/lanes.ts
var Lanes;
var init_lanes = __esm({
  "src/runtime/lanes.ts"() {
    "use strict";
    Lanes = class {
      free;
      waiting = [];
      idleListeners = [];
      width;
      constructor(width) {
        this.width = width;
        this.free = width;
      }
      /** Runs `task` when a lane is free. */
      async run(task) {
        if (this.free > 0) this.free--;
        else await new Promise((resolve2) => this.waiting.push(resolve2));
        try {
          return await task();
        } finally {
          this.leave();
        }
      }
      /** Resolves when no task runs and none waits. */
      async idle() {
        if (this.free < this.width) await new Promise((resolve2) => this.idleListeners.push(resolve2));
      }
      leave() {
        const next = this.waiting.shift();
        if (next) next();
        else if (++this.free === this.width) for (const listener of this.idleListeners.splice(0)) listener();
      }
    };
  }
});

// src/runtime/reason.ts
function explainReason(operation2, text2, cause) {
  const reason = text2.replace(/\s+/g, " ").trim().replace(preamble, "");
  const [, ...names] = missingData.exec(reason) ?? [];
  const name = names.find(Boolean);
  const options = cause === void 0 ? {} : { cause };
  if (name === void 0) return new EngineError(`${operation2}: ONNX Runtime says: ${reason}`, { reason }, options);
  const message = `${operation2}: initializer ${name} has no data; pass it in the option initializers`;
  return new EngineError(message, { reason, name }, options);
}
var missingData, preamble;
var init_reason = __esm({
  "src/runtime/reason.ts"() {
    "use strict";
    init_errors();
    missingData = /data path validation failed for initializer: (.+?)\. Error|load external data file "+(.+?)"+,/;
    preamble = /^(failed to call \w+\(\)\. |Can't create a session\. )?ERROR_CODE: \d+, ERROR_MESSAGE: /;
  }
});

// src/runtime/native/library.ts
import { existsSync as existsSync4, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname as dirname2, join as join8 } from "node:path";
function findLibrary(resolve2 = createRequire(import.meta.url).resolve, platform = process.platform, architecture = process.arch) {
  const manifest = findManifest(resolve2);
  const name = fileNames[platform];
  const path2 = name && join8(dirname2(manifest), "bin", "napi-v6", platform, architecture, name);
  if (!path2 || !existsSync4(path2)) {
    throw new EngineError(
      `createEngine: onnxruntime-node ships no binary for ${platform}-${architecture}, wanted linux, Windows or macOS on arm64, or linux or Windows on x64; use such a machine, or an engine in a page`,
      { platform, architecture, path: path2 }
    );
  }
  const { version: version2 } = JSON.parse(readFileSync(manifest, "utf8"));
  return { path: path2, version: version2 };
}
function findManifest(resolve2) {
  try {
    return resolve2("onnxruntime-node/package.json");
  } catch (cause) {
    throw new EngineError(
      "createEngine: the package onnxruntime-node is missing; npm install onnxruntime-node --onnxruntime-node-install=skip",
      {},
      { cause }
    );
  }
}
var fileNames;
var init_library = __esm({
  "src/runtime/native/library.ts"() {
    "use strict";
    init_errors();
    fileNames = {
      linux: "libonnxruntime.so.1",
      darwin: "libonnxruntime.1.dylib",
      win32: "onnxruntime.dll"
    };
  }
});

// src/runtime/native/api.ts
import koffi from "koffi";
function loadApi() {
  if (!loaded) {
    const { path: libraryPath, version: version2 } = findLibrary();
    loaded = new OrtApi(libraryPath, version2);
  }
  return loaded;
}
function loadTable(libraryPath) {
  try {
    reserveStacks();
    library = koffi.load(libraryPath);
    const base = library.func("OrtGetApiBase", pointer, [])();
    const getApi = koffi.decode(koffi.decode(base, pointer), koffi.proto(pointer, ["uint32_t"]));
    const table = getApi(apiVersion);
    if (table === null) throw new Error(`it does not offer version ${apiVersion} of its C API`);
    return table;
  } catch (cause) {
    const reason = cause.message;
    throw new EngineError(
      `createEngine: cannot load ${libraryPath}: ${reason}; reinstall onnxruntime-node`,
      {},
      { cause }
    );
  }
}
function reserveStacks() {
  try {
    koffi.config({ async_stack_size: 2 ** 20, resident_async_pools: 4 });
  } catch {
  }
}
function mapValues(record, change) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
var apiVersion, pointer, out, outInt, outSize, path, statusFunctions, releaseFunctions, getErrorMessageIndex, OrtApi, loaded, library;
var init_api = __esm({
  "src/runtime/native/api.ts"() {
    "use strict";
    init_errors();
    init_reason();
    init_library();
    apiVersion = 13;
    pointer = "void *";
    out = koffi.out(koffi.pointer("void *"));
    outInt = koffi.out(koffi.pointer("int"));
    outSize = koffi.out(koffi.pointer("size_t"));
    path = process.platform === "win32" ? "str16" : "str";
    statusFunctions = {
      CreateSessionFromArray: [8, [pointer, pointer, "size_t", pointer, out]],
      CreateSessionOptions: [10, [out]],
      EnableProfiling: [14, [pointer, path]],
      DisableMemPattern: [17, [pointer]],
      SetSessionGraphOptimizationLevel: [23, [pointer, "int"]],
      SessionGetInputCount: [30, [pointer, outSize]],
      SessionGetOutputCount: [31, [pointer, outSize]],
      SessionGetInputTypeInfo: [33, [pointer, "size_t", out]],
      SessionGetOutputTypeInfo: [34, [pointer, "size_t", out]],
      SessionGetInputName: [36, [pointer, "size_t", pointer, out]],
      SessionGetOutputName: [37, [pointer, "size_t", pointer, out]],
      CreateTensorWithDataAsOrtValue: [49, [pointer, pointer, "size_t", pointer, "size_t", "int", out]],
      CastTypeInfoToTensorInfo: [55, [pointer, out]],
      GetTensorElementType: [60, [pointer, outInt]],
      GetDimensionsCount: [61, [pointer, outSize]],
      GetDimensions: [62, [pointer, pointer, "size_t"]],
      CreateCpuMemoryInfo: [69, ["int", "int", out]],
      AllocatorFree: [76, [pointer, pointer]],
      GetAllocatorWithDefaultOptions: [78, [out]],
      CreateEnvWithGlobalThreadPools: [119, ["int", "str", pointer, out]],
      DisablePerSessionThreads: [120, [pointer]],
      CreateThreadingOptions: [121, [out]],
      AddSessionConfigEntry: [130, [pointer, "str", "str"]],
      RunWithBinding: [133, [pointer, pointer, pointer]],
      CreateIoBinding: [134, [pointer, out]],
      BindInput: [136, [pointer, "str", pointer]],
      BindOutput: [137, [pointer, "str", pointer]],
      CreateAndRegisterAllocator: [144, [pointer, pointer, pointer]],
      SetGlobalIntraOpNumThreads: [147, [pointer, "int"]],
      SetGlobalInterOpNumThreads: [148, [pointer, "int"]],
      SetGlobalSpinControl: [149, [pointer, "int"]],
      AppendExecutionProviderCuda: [204, [pointer, pointer]],
      CreateCudaProviderOptions: [205, [out]],
      AddExternalInitializers: [210, [pointer, "const char **", pointer, "size_t"]]
    };
    releaseFunctions = {
      ReleaseEnv: 92,
      ReleaseStatus: 93,
      ReleaseMemoryInfo: 94,
      ReleaseSession: 95,
      ReleaseValue: 96,
      ReleaseTypeInfo: 98,
      ReleaseSessionOptions: 100,
      ReleaseThreadingOptions: 122,
      ReleaseIoBinding: 135,
      ReleaseCudaProviderOptions: 208
    };
    getErrorMessageIndex = 2;
    OrtApi = class {
      /** The library's version, such as `1.30.0`. */
      version;
      functions;
      releases;
      message;
      constructor(libraryPath, version2) {
        const table = loadTable(libraryPath);
        const bind2 = (index, result, args) => koffi.decode(koffi.decode(table, index * 8, pointer), koffi.proto(result, args));
        this.version = version2;
        this.functions = mapValues(statusFunctions, ([index, args]) => bind2(index, pointer, args));
        this.releases = mapValues(releaseFunctions, (index) => bind2(index, "void", [pointer]));
        this.message = bind2(getErrorMessageIndex, "str", [pointer]);
      }
      /** Calls a function; throws {@link EngineError} with `operation` and ONNX Runtime's reason when it fails. */
      call(operation2, name, ...args) {
        this.check(operation2, this.functions[name](...args));
      }
      /** Calls a function whose last argument receives a pointer, and returns that pointer. */
      create(operation2, name, ...args) {
        const slot = [null];
        this.call(operation2, name, ...args, slot);
        return slot[0] ?? 0n;
      }
      /** Like {@link create} for functions that return a number. */
      number(operation2, name, ...args) {
        const slot = [0];
        this.call(operation2, name, ...args, slot);
        return slot[0];
      }
      /** Like {@link call} on a thread of libuv's pool; whatever the arguments point at must stay alive until it ends. */
      callAsync(operation2, name, ...args) {
        return new Promise((resolve2, reject) => {
          this.functions[name].async(...args, (error, status) => {
            try {
              if (error)
                throw new EngineError(`${operation2}: the native call failed: ${error.message}`, {}, { cause: error });
              resolve2(this.check(operation2, status));
            } catch (reason) {
              reject(reason);
            }
          });
        });
      }
      /** Like {@link create} on a thread of libuv's pool. */
      async createAsync(operation2, name, ...args) {
        const slot = [null];
        await this.callAsync(operation2, name, ...args, slot);
        return slot[0] ?? 0n;
      }
      release(name, object) {
        this.releases[name](object);
      }
      check(operation2, status) {
        if (status === null) return;
        const reason = this.message(status);
        this.release("ReleaseStatus", status);
        throw explainReason(operation2, reason);
      }
    };
  }
});

// src/runtime/contents.ts
function checkShape(shape) {
  if (shape.every((size7) => Number.isSafeInteger(size7) && size7 >= 0)) return;
  throw new EngineError(`createBuffer: got shape [${shape}], wanted whole sizes of at least 0`, { shape });
}
function checkData(operation2, { dtype, shape }, data2) {
  const wanted2 = allocate(dtype, 0).constructor;
  if (data2.constructor === wanted2 && data2.length === sizeOf(shape)) return;
  throw new EngineError(
    `${operation2}: got ${data2.length} elements of ${data2.constructor.name}, wanted ${sizeOf(shape)} of ${wanted2.name} for ${dtype} [${shape}]`,
    { got: data2.length, wanted: sizeOf(shape) }
  );
}
function reserved({ dtype, shape }, reserve) {
  try {
    return reserve();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const bytes = sizeOf(shape) * bytesPerElement[dtype];
    throw new EngineError(
      `createBuffer: no memory for ${dtype} [${shape}] (${Math.ceil(bytes / 1e6)} MB); use smaller sizes, batchSize or n`,
      { dtype, shape, bytes },
      { cause }
    );
  }
}
var init_contents = __esm({
  "src/runtime/contents.ts"() {
    "use strict";
    init_errors();
    init_dtype();
  }
});

// src/runtime/native/buffer.ts
import koffi2 from "koffi";
var alignment, Memory, NativeBuffer;
var init_buffer = __esm({
  "src/runtime/native/buffer.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_contents();
    alignment = 64;
    Memory = class {
      address;
      buffer;
      byteOffset;
      holders = 0;
      constructor(byteLength) {
        this.buffer = new ArrayBuffer(byteLength + alignment);
        const start = koffi2.address(this.buffer);
        this.byteOffset = Number(-start & BigInt(alignment - 1));
        this.address = start + BigInt(this.byteOffset);
      }
      hold() {
        this.holders++;
      }
      /** The last holder empties the array buffer: its memory is free, and every array over it has length 0. */
      drop() {
        if (--this.holders > 0) return;
        const buffer = this.buffer;
        if (buffer.transfer) buffer.transfer(0);
        else structuredClone(buffer, { transfer: [buffer] });
      }
    };
    NativeBuffer = class _NativeBuffer {
      dtype;
      shape;
      byteLength;
      memory;
      byteOffset;
      array;
      owned;
      users = /* @__PURE__ */ new Set();
      isReleased = false;
      constructor(dtype, shape, memory, byteOffset, owned) {
        const length = sizeOf(shape);
        memory.hold();
        this.dtype = dtype;
        this.shape = shape;
        this.byteLength = length * bytesPerElement[dtype];
        this.memory = memory;
        this.byteOffset = byteOffset;
        this.array = viewOf(dtype, memory.buffer, memory.byteOffset + byteOffset, length);
        this.owned = owned;
        owned.add(this);
      }
      /** A buffer with `tensor`'s elements, or zeros; a member of `owned` until it is released. */
      static create(tensor, owned) {
        const { dtype, shape } = tensor;
        checkShape(shape);
        if ("data" in tensor) checkData("createBuffer", tensor, tensor.data);
        const memory = reserved(tensor, () => new Memory(sizeOf(shape) * bytesPerElement[dtype]));
        const buffer = new _NativeBuffer(dtype, [...shape], memory, 0, owned);
        if ("data" in tensor) buffer.fill(tensor.data);
        return buffer;
      }
      get released() {
        return this.isReleased;
      }
      get host() {
        this.checkAlive("host");
        return this.array;
      }
      /** Where the elements begin. */
      get address() {
        return this.memory.address + BigInt(this.byteOffset);
      }
      async read() {
        this.checkAlive("read");
        return this.array.slice();
      }
      async write(data2) {
        this.checkAlive("write");
        checkData("write", this, data2);
        this.fill(data2);
      }
      view(shape, elementOffset = 0) {
        this.checkAlive("view");
        checkShape(shape);
        const length = sizeOf(shape);
        if (!Number.isInteger(elementOffset) || elementOffset < 0 || elementOffset + length > this.array.length) {
          throw new EngineError(
            `view: [${shape}] at element ${elementOffset} does not lie inside [${this.shape}]; take a smaller shape or offset`,
            { shape, elementOffset, within: this.shape }
          );
        }
        const byteOffset = this.byteOffset + elementOffset * bytesPerElement[this.dtype];
        return new _NativeBuffer(this.dtype, [...shape], this.memory, byteOffset, this.owned);
      }
      release() {
        if (this.isReleased) return;
        this.isReleased = true;
        this.owned.delete(this);
        const runs = [...this.users].map((user) => user.expire(this)).filter((run) => run !== void 0);
        this.users.clear();
        if (runs.length === 0) this.memory.drop();
        else void Promise.all(runs).then(() => this.memory.drop());
      }
      /** Registers a binding, which hears of the release. */
      addUser(user) {
        this.users.add(user);
      }
      removeUser(user) {
        this.users.delete(user);
      }
      fill(data2) {
        ;
        this.array.set(data2);
      }
      checkAlive(operation2) {
        if (!this.isReleased) return;
        throw new EngineError(`${operation2}: this buffer ${this.dtype} [${this.shape}] has been released; create another`);
      }
    };
  }
});

// src/runtime/native/cuda.ts
function appendCuda(api, sessionOptions) {
  const cuda = api.create("createEngine", "CreateCudaProviderOptions");
  try {
    api.call("createEngine", "AppendExecutionProviderCuda", sessionOptions, cuda);
  } finally {
    api.release("ReleaseCudaProviderOptions", cuda);
  }
}
function checkCuda(api) {
  const options = api.create("createEngine", "CreateSessionOptions");
  try {
    appendCuda(api, options);
  } catch (cause) {
    const reason = String(cause.details.reason);
    throw new EngineError(
      `createEngine: cuda cannot run here: ${reason}; install an NVIDIA driver, CUDA 12 and cuDNN 9, then npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12 (linux-x64), or use the engine cpu`,
      { reason },
      { cause }
    );
  } finally {
    api.release("ReleaseSessionOptions", options);
  }
}
var init_cuda = __esm({
  "src/runtime/native/cuda.ts"() {
    "use strict";
    init_errors();
  }
});

// src/runtime/signature.ts
function matchBuffers(side, signatures, given, isOwn) {
  const declared = signatures.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !declared.includes(name));
  if (unknown !== void 0) {
    throw new EngineError(`bind: the model has no ${side} ${unknown}, it has ${declared.join(", ")}; leave it out`, {
      name: unknown,
      declared
    });
  }
  return new Map(
    signatures.map((signature) => [signature.name, checkFit(side, signature, given[signature.name], isOwn)])
  );
}
function checkFit(side, signature, buffer, isOwn) {
  const { name, dtype, shape } = signature;
  const wanted2 = `${dtype} [${shape.map((size7) => size7 < 0 ? "?" : size7)}]`;
  if (buffer === void 0) {
    throw new EngineError(`bind: ${side} ${name} is missing, wanted a buffer of ${wanted2}`, { name });
  }
  if (!isOwn(buffer)) {
    throw new EngineError(`bind: ${side} ${name} is a buffer of another engine; create it with this engine`, { name });
  }
  if (buffer.dtype !== dtype || !fits(shape, buffer.shape)) {
    throw new EngineError(
      `bind: ${side} ${name} got ${buffer.dtype} [${buffer.shape}], wanted ${wanted2}; bind a buffer of that dtype and shape`,
      { name, got: buffer.shape, wanted: shape }
    );
  }
  if (buffer.released) throw new EngineError(`bind: ${side} ${name} is a released buffer; create another`, { name });
  return buffer;
}
function fits(declared, actual) {
  if (declared.length === 0) return true;
  return declared.length === actual.length && declared.every((size7, axis) => size7 < 0 || size7 === actual[axis]);
}
var init_signature = __esm({
  "src/runtime/signature.ts"() {
    "use strict";
    init_errors();
  }
});

// src/runtime/native/signature.ts
import koffi3 from "koffi";
function readSignatures(api, session, side) {
  const allocator = api.create("createSession", "GetAllocatorWithDefaultOptions");
  const count2 = api.number("createSession", `SessionGet${side}Count`, session);
  return Array.from({ length: count2 }, (_, index) => {
    const name = readName(api, session, side, index, allocator);
    const info = api.create("createSession", `SessionGet${side}TypeInfo`, session, index);
    try {
      return { name, ...readTensorInfo(api, info, name) };
    } finally {
      api.release("ReleaseTypeInfo", info);
    }
  });
}
function readName(api, session, side, index, allocator) {
  const text2 = api.create("createSession", `SessionGet${side}Name`, session, index, allocator);
  const name = koffi3.decode.string(text2);
  api.call("createSession", "AllocatorFree", allocator, text2);
  return name;
}
function readTensorInfo(api, typeInfo, name) {
  const info = api.create("createSession", "CastTypeInfoToTensorInfo", typeInfo);
  const type = info && api.number("createSession", "GetTensorElementType", info);
  const dtype = dtypes.get(Number(type));
  if (!dtype) {
    throw new EngineError(
      `createSession: ${name} has ONNX element type ${type}, wanted a tensor of ${[...dtypes.values()].join(", ")}`,
      { name, type }
    );
  }
  const sizes = new BigInt64Array(api.number("createSession", "GetDimensionsCount", info));
  api.call("createSession", "GetDimensions", info, sizes, sizes.length);
  return { dtype, shape: Array.from(sizes, Number) };
}
var elementTypes, dtypes;
var init_signature2 = __esm({
  "src/runtime/native/signature.ts"() {
    "use strict";
    init_errors();
    elementTypes = {
      float32: 1,
      uint8: 2,
      int32: 6,
      int64: 7,
      bool: 9,
      float16: 10,
      uint32: 12
    };
    dtypes = new Map(Object.entries(elementTypes).map(([dtype, type]) => [type, dtype]));
  }
});

// src/runtime/native/value.ts
function createValue(context, operation2, elements2) {
  const { dtype, shape, address, byteLength } = elements2;
  return context.api.create(
    operation2,
    "CreateTensorWithDataAsOrtValue",
    context.memoryInfo,
    address,
    byteLength,
    BigInt64Array.from(shape, BigInt),
    shape.length,
    elementTypes[dtype]
  );
}
var init_value = __esm({
  "src/runtime/native/value.ts"() {
    "use strict";
    init_signature2();
  }
});

// src/runtime/native/binding.ts
var NativeBinding;
var init_binding = __esm({
  "src/runtime/native/binding.ts"() {
    "use strict";
    init_errors();
    init_value();
    NativeBinding = class {
      context;
      session;
      pointer;
      buffers;
      forget;
      running;
      ended;
      /** Why it can't run any more. */
      expiry;
      /** `forget` is called once, when the binding is released. */
      constructor(context, session, inputs, outputs, forget) {
        this.context = context;
        this.session = session;
        this.forget = forget;
        this.buffers = /* @__PURE__ */ new Set([...inputs.values(), ...outputs.values()]);
        this.pointer = context.api.create("bind", "CreateIoBinding", session);
        try {
          for (const [name, buffer] of inputs) this.tie("BindInput", name, buffer);
          for (const [name, buffer] of outputs) this.tie("BindOutput", name, buffer);
        } catch (error) {
          context.api.release("ReleaseIoBinding", this.pointer);
          throw error;
        }
        for (const buffer of this.buffers) buffer.addUser(this);
      }
      async run() {
        this.checkReady();
        const { api, lanes } = this.context;
        this.running = lanes.run(() => api.callAsync("run", "RunWithBinding", this.session, null, this.pointer));
        try {
          await this.running;
        } finally {
          this.running = void 0;
        }
      }
      runSync() {
        this.checkReady();
        this.context.api.call("runSync", "RunWithBinding", this.session, null, this.pointer);
      }
      release() {
        void this.end();
      }
      /** Waits for the run in flight, then frees the binding; once. */
      end() {
        this.ended ??= this.free();
        return this.ended;
      }
      expire(buffer) {
        this.expiry ??= `its buffer ${buffer.dtype} [${buffer.shape}] has been released; bind again`;
        return this.settled();
      }
      async free() {
        this.expiry = "it has been released; bind again";
        if (this.running) await this.settled();
        for (const buffer of this.buffers) buffer.removeUser(this);
        this.forget();
        this.context.api.release("ReleaseIoBinding", this.pointer);
      }
      /** Resolves when the run in flight has ended, however it did. */
      settled() {
        return this.running?.catch(() => void 0);
      }
      tie(side, name, buffer) {
        const value = createValue(this.context, "bind", buffer);
        try {
          this.context.api.call(`bind: ${name}`, side, this.pointer, name, value);
        } finally {
          this.context.api.release("ReleaseValue", value);
        }
      }
      checkReady() {
        if (this.expiry !== void 0) throw new EngineError(`run: this binding cannot run: ${this.expiry}`);
        if (this.running) throw new EngineError("run: this binding is running; await that run, or bind the buffers twice");
      }
    };
  }
});

// src/runtime/native/session.ts
var NativeSession, isNative;
var init_session = __esm({
  "src/runtime/native/session.ts"() {
    "use strict";
    init_errors();
    init_signature();
    init_binding();
    init_buffer();
    init_signature2();
    NativeSession = class _NativeSession {
      inputNames;
      outputNames;
      context;
      pointer;
      inputs;
      outputs;
      bindings = /* @__PURE__ */ new Set();
      owned;
      releasing;
      constructor(context, pointer2, owned) {
        this.context = context;
        this.pointer = pointer2;
        this.owned = owned;
        this.inputs = readSignatures(context.api, pointer2, "Input");
        this.outputs = readSignatures(context.api, pointer2, "Output");
        this.inputNames = this.inputs.map(({ name }) => name);
        this.outputNames = this.outputs.map(({ name }) => name);
      }
      /** Takes over an `OrtSession`; a member of `owned` until it is released. */
      static open(context, pointer2, owned) {
        try {
          const session = new _NativeSession(context, pointer2, owned);
          owned.add(session);
          return session;
        } catch (error) {
          context.api.release("ReleaseSession", pointer2);
          throw error;
        }
      }
      bind(inputs, outputs) {
        if (this.releasing) throw new EngineError("bind: this session has been released; create another");
        const binding = new NativeBinding(
          this.context,
          this.pointer,
          matchBuffers("input", this.inputs, inputs, isNative),
          matchBuffers("output", this.outputs, outputs, isNative),
          () => this.bindings.delete(binding)
        );
        this.bindings.add(binding);
        return binding;
      }
      release() {
        this.releasing ??= this.free();
        return this.releasing;
      }
      async free() {
        await Promise.all([...this.bindings].map((binding) => binding.end()));
        this.context.api.release("ReleaseSession", this.pointer);
        this.owned.delete(this);
      }
    };
    isNative = (buffer) => buffer instanceof NativeBuffer;
  }
});

// src/runtime/native/compile.ts
import koffi4 from "koffi";
async function compile(context, engine, model2, options, owned) {
  const pins = [model2, ...Object.values(options.initializers ?? {}).map(({ data: data2 }) => data2)];
  for (const pin of pins) pinned.add(pin);
  try {
    const pointer2 = await parse2(context, engine, model2, options);
    return NativeSession.open(context, pointer2, owned);
  } finally {
    for (const pin of pins) pinned.delete(pin);
  }
}
async function parse2(context, engine, model2, options) {
  const { api, environment } = context;
  const configured2 = configure(context, engine, options);
  try {
    const bytes = addressOf(model2);
    const length = model2.byteLength;
    return await api.createAsync(operation, "CreateSessionFromArray", environment, bytes, length, configured2);
  } finally {
    api.release("ReleaseSessionOptions", configured2);
  }
}
function configure(context, engine, options) {
  const { api } = context;
  const pointer2 = api.create(operation, "CreateSessionOptions");
  try {
    api.call(operation, "DisablePerSessionThreads", pointer2);
    api.call(operation, "DisableMemPattern", pointer2);
    if (options.sharedArena) api.call(operation, "AddSessionConfigEntry", pointer2, "session.use_env_allocators", "1");
    const level = optimizationLevels[options.optimization ?? "all"];
    api.call(operation, "SetSessionGraphOptimizationLevel", pointer2, level);
    const disabled = options.disabledOptimizers?.join(";");
    if (disabled) {
      api.call(operation, "AddSessionConfigEntry", pointer2, "optimization.disable_specified_optimizers", disabled);
    }
    const folder2 = options.dataFolder;
    if (folder2 !== void 0) api.call(operation, "AddSessionConfigEntry", pointer2, dataFolderEntry, folder2);
    if (options.profilePrefix) api.call(operation, "EnableProfiling", pointer2, options.profilePrefix);
    if (engine === "cuda") appendCuda(api, pointer2);
    addInitializers(context, pointer2, options.initializers ?? {});
    return pointer2;
  } catch (error) {
    api.release("ReleaseSessionOptions", pointer2);
    throw error;
  }
}
function addInitializers(context, sessionOptions, tensors) {
  const { api } = context;
  const names = Object.keys(tensors);
  if (names.length === 0) return;
  const values = new BigUint64Array(names.length);
  try {
    for (const [index, name] of names.entries())
      values[index] = createWeight(context, name, tensors[name]);
    api.call(operation, "AddExternalInitializers", sessionOptions, names, values, names.length);
  } finally {
    for (const value of values) if (value) api.release("ReleaseValue", value);
  }
}
function createWeight(context, name, tensor) {
  const { dtype, shape, data: data2 } = tensor;
  const byteLength = sizeOf(shape) * bytesPerElement[dtype];
  if (data2.byteLength !== byteLength) {
    throw new EngineError(
      `createSession: initializer ${name} has ${data2.byteLength} bytes, wanted ${byteLength} for ${dtype} [${shape}]`,
      { name, got: data2.byteLength, wanted: byteLength }
    );
  }
  return createValue(context, `createSession: initializer ${name}`, {
    dtype,
    shape,
    address: addressOf(data2),
    byteLength
  });
}
function addressOf(array) {
  const start = koffi4.address(new Uint8Array(array.buffer));
  return start + BigInt(array.byteOffset);
}
var operation, optimizationLevels, dataFolderEntry, pinned;
var init_compile = __esm({
  "src/runtime/native/compile.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_cuda();
    init_session();
    init_value();
    operation = "createSession";
    optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 };
    dataFolderEntry = "session.model_external_initializers_file_folder_path";
    pinned = /* @__PURE__ */ new Set();
  }
});

// src/runtime/native/environment.ts
function acquireEnvironment(api, threads) {
  shared2 ??= { pointer: createEnvironment(api, threads), threads, users: 0 };
  if (shared2.threads !== threads) {
    throw new EngineError(
      `createEngine: an engine of this process runs on ${shared2.threads} threads, got ${threads}; close it first, all share one pool`,
      { threads, current: shared2.threads }
    );
  }
  shared2.users++;
  return shared2.pointer;
}
function releaseEnvironment(api) {
  if (!shared2 || --shared2.users > 0) return;
  api.release("ReleaseEnv", shared2.pointer);
  shared2 = void 0;
}
function addSharedArena(api, environment) {
  const operation2 = "createEngine";
  const memoryInfo = api.create(operation2, "CreateCpuMemoryInfo", arenaAllocator, defaultMemory);
  try {
    api.call(operation2, "CreateAndRegisterAllocator", environment, memoryInfo, null);
  } finally {
    api.release("ReleaseMemoryInfo", memoryInfo);
  }
}
function createEnvironment(api, threads) {
  const operation2 = "createEngine";
  const options = api.create(operation2, "CreateThreadingOptions");
  try {
    api.call(operation2, "SetGlobalIntraOpNumThreads", options, threads);
    api.call(operation2, "SetGlobalInterOpNumThreads", options, 1);
    api.call(operation2, "SetGlobalSpinControl", options, process.env.ATELIER_SPIN === "0" ? 0 : 1);
    const environment = api.create(operation2, "CreateEnvWithGlobalThreadPools", logFatalOnly, "atelier", options);
    try {
      addSharedArena(api, environment);
    } catch (error) {
      api.release("ReleaseEnv", environment);
      throw error;
    }
    return environment;
  } finally {
    api.release("ReleaseThreadingOptions", options);
  }
}
var logFatalOnly, arenaAllocator, defaultMemory, shared2;
var init_environment = __esm({
  "src/runtime/native/environment.ts"() {
    "use strict";
    init_errors();
    logFatalOnly = 4;
    arenaAllocator = 1;
    defaultMemory = 0;
  }
});

// src/runtime/native/machine.ts
import { readFileSync as readFileSync2 } from "node:fs";
import { availableParallelism, cpus } from "node:os";
function physicalCores(info = readCpuInfo()) {
  const packages = [...info.matchAll(/^physical id\s*:\s*(\d+)$/gm)].map(([, id5]) => id5);
  const cores = [...info.matchAll(/^core id\s*:\s*(\d+)$/gm)].map(([, id5], index) => `${packages[index]}/${id5}`);
  const counted2 = new Set(cores).size || Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(availableParallelism(), counted2));
}
function describePlatform(info = readCpuInfo()) {
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(" "));
  const vector = vectorFlags.find((flag) => flags.has(flag)) ?? cpus()[0]?.model ?? "unknown processor";
  return `${process.platform}-${process.arch} ${vector}`;
}
function readCpuInfo() {
  if (process.platform !== "linux") return "";
  try {
    return readFileSync2("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
var vectorFlags;
var init_machine = __esm({
  "src/runtime/native/machine.ts"() {
    "use strict";
    vectorFlags = ["avx512f", "avx2", "avx", "sse4_2", "asimd"];
  }
});

// src/runtime/native/engine.ts
var engine_exports = {};
__export(engine_exports, {
  createNativeEngine: () => createNativeEngine
});
function createNativeEngine(name, options = {}) {
  const threads = options.threads ?? physicalCores();
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new EngineError(`createEngine: got ${threads} threads, wanted a whole number from 1 to 1024`, { threads });
  }
  const api = loadApi();
  const environment = acquireEnvironment(api, threads);
  try {
    if (name === "cuda") checkCuda(api);
    const memoryInfo = api.create("createEngine", "CreateCpuMemoryInfo", deviceAllocator, defaultMemory2);
    return new NativeEngine(name, threads, { api, environment, memoryInfo, lanes: new Lanes(concurrentCalls) });
  } catch (error) {
    releaseEnvironment(api);
    throw error;
  }
}
var deviceAllocator, defaultMemory2, concurrentCalls, NativeEngine;
var init_engine = __esm({
  "src/runtime/native/engine.ts"() {
    "use strict";
    init_errors();
    init_lanes();
    init_api();
    init_buffer();
    init_compile();
    init_cuda();
    init_environment();
    init_machine();
    deviceAllocator = 0;
    defaultMemory2 = 0;
    concurrentCalls = 2;
    NativeEngine = class {
      name;
      provider;
      inPlace = true;
      /** Windows lets nobody replace a file that is mapped. */
      mapsFiles = process.platform !== "win32";
      threads;
      context;
      buffers = /* @__PURE__ */ new Set();
      sessions = /* @__PURE__ */ new Set();
      closing;
      constructor(name, threads, context) {
        this.name = name;
        this.provider = name;
        this.threads = threads;
        this.context = context;
      }
      describe() {
        return {
          name: this.name,
          library: `onnxruntime-node ${this.context.api.version}`,
          platform: describePlatform(),
          threads: this.threads
        };
      }
      createBuffer(tensor) {
        this.checkOpen("createBuffer");
        return NativeBuffer.create(tensor, this.buffers);
      }
      async createSession(model2, options = {}) {
        this.checkOpen("createSession");
        return this.context.lanes.run(() => compile(this.context, this.name, model2, options, this.sessions));
      }
      close() {
        this.closing ??= this.free();
        return this.closing;
      }
      async free() {
        await this.context.lanes.idle();
        await Promise.all([...this.sessions].map((session) => session.release()));
        for (const buffer of this.buffers) buffer.release();
        this.context.api.release("ReleaseMemoryInfo", this.context.memoryInfo);
        releaseEnvironment(this.context.api);
      }
      checkOpen(operation2) {
        if (this.closing) throw new EngineError(`${operation2}: this engine has been closed; create another`);
      }
    };
  }
});

// src/runtime/web/buffer.ts
function bytesOf(array) {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
var WasmBuffer;
var init_buffer2 = __esm({
  "src/runtime/web/buffer.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_contents();
    WasmBuffer = class _WasmBuffer {
      dtype;
      shape;
      tensor;
      array;
      owned;
      makeTensor;
      isReleased = false;
      constructor(contents2, array, makeTensor, owned) {
        checkShape(contents2.shape);
        checkData("createBuffer", contents2, array);
        this.dtype = contents2.dtype;
        this.shape = [...contents2.shape];
        this.array = array;
        this.makeTensor = makeTensor;
        this.owned = owned;
        this.tensor = new makeTensor(this.dtype, array, this.shape);
        owned.add(this);
      }
      get released() {
        return this.isReleased;
      }
      get host() {
        this.checkAlive("host");
        return this.array;
      }
      async read() {
        this.checkAlive("read");
        return this.array.slice();
      }
      async write(data2) {
        this.checkAlive("write");
        checkData("write", this, data2);
        this.array.set(data2);
      }
      view(shape, elementOffset = 0) {
        this.checkAlive("view");
        const length = sizeOf(shape);
        if (!Number.isInteger(elementOffset) || elementOffset < 0 || elementOffset + length > this.array.length) {
          throw new EngineError(
            `view: [${shape}] at element ${elementOffset} does not lie inside [${this.shape}]; take a smaller shape or offset`,
            { shape, elementOffset, within: this.shape }
          );
        }
        const byteOffset = this.array.byteOffset + elementOffset * bytesPerElement[this.dtype];
        const array = viewOf(this.dtype, this.array.buffer, byteOffset, length);
        return new _WasmBuffer({ dtype: this.dtype, shape }, array, this.makeTensor, this.owned);
      }
      accept(result) {
        if (!this.isReleased) bytesOf(this.array).set(bytesOf(result.data));
      }
      release() {
        this.isReleased = true;
        this.owned.delete(this);
      }
      checkAlive(operation2) {
        if (!this.isReleased) return;
        throw new EngineError(`${operation2}: this buffer ${this.dtype} [${this.shape}] has been released; create another`);
      }
    };
  }
});

// src/runtime/web/gpu.ts
async function openDevice() {
  const { gpu } = navigator;
  if (!gpu) {
    throw new EngineError(
      "createEngine: this page has no WebGPU; use HTTPS and a browser that has it, or the engine wasm"
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new EngineError("createEngine: WebGPU finds no graphics adapter; update its driver, or use the engine wasm");
  }
  const features = new Set(adapter.features);
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => features.has(feature)),
    requiredLimits: Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit] ?? 0]))
  });
  return { device, name: [adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(" ") || "webgpu" };
}
var usage, mapModeRead, wantedFeatures, wantedLimits, GpuTensorBuffer;
var init_gpu = __esm({
  "src/runtime/web/gpu.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_contents();
    init_buffer2();
    usage = { mapRead: 1, copySource: 4, copyDestination: 8, storage: 128 };
    mapModeRead = 1;
    wantedFeatures = ["shader-f16", "subgroups", "timestamp-query"];
    wantedLimits = [
      "maxBindGroups",
      "maxBufferSize",
      "maxComputeInvocationsPerWorkgroup",
      "maxComputeWorkgroupSizeX",
      "maxComputeWorkgroupSizeY",
      "maxComputeWorkgroupSizeZ",
      "maxComputeWorkgroupStorageSize",
      "maxComputeWorkgroupsPerDimension",
      "maxStorageBufferBindingSize",
      "maxStorageBuffersPerShaderStage"
    ];
    GpuTensorBuffer = class {
      dtype;
      shape;
      host = void 0;
      tensor;
      device;
      memory;
      owned;
      afterRuns;
      isReleased = false;
      constructor(contents2, device, makeTensor, owned, afterRuns) {
        checkShape(contents2.shape);
        if ("data" in contents2) checkData("createBuffer", contents2, contents2.data);
        this.dtype = contents2.dtype;
        this.shape = [...contents2.shape];
        this.device = device;
        this.owned = owned;
        this.afterRuns = afterRuns;
        const size7 = Math.max(16, Math.ceil(this.byteLength / 16) * 16);
        this.memory = device.createBuffer({ size: size7, usage: usage.storage | usage.copySource | usage.copyDestination });
        this.tensor = makeTensor.fromGpuBuffer(this.memory, { dataType: this.dtype, dims: this.shape });
        if ("data" in contents2) this.upload(contents2.data);
        owned.add(this);
      }
      get released() {
        return this.isReleased;
      }
      async read() {
        this.checkAlive("read");
        const { device, memory } = this;
        const staging = device.createBuffer({ size: memory.size, usage: usage.mapRead | usage.copyDestination });
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(memory, 0, staging, 0, memory.size);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(mapModeRead);
        const copy = staging.getMappedRange().slice(0, this.byteLength);
        staging.destroy();
        return viewOf(this.dtype, copy, 0, sizeOf(this.shape));
      }
      async write(data2) {
        this.checkAlive("write");
        checkData("write", this, data2);
        this.upload(data2);
      }
      view() {
        throw new EngineError("view: WebGPU cannot show a part of a buffer as a tensor; create a buffer of that shape");
      }
      accept() {
      }
      release() {
        if (this.isReleased) return;
        this.isReleased = true;
        this.owned.delete(this);
        this.afterRuns(() => this.memory.destroy());
      }
      get byteLength() {
        return sizeOf(this.shape) * bytesPerElement[this.dtype];
      }
      /** Writes whole words, as WebGPU wants them. */
      upload(data2) {
        const words3 = new Uint8Array(Math.ceil(data2.byteLength / 4) * 4);
        words3.set(bytesOf(data2));
        if (words3.length > 0) this.device.queue.writeBuffer(this.memory, 0, words3);
      }
      checkAlive(operation2) {
        if (!this.isReleased) return;
        throw new EngineError(`${operation2}: this buffer ${this.dtype} [${this.shape}] has been released; create another`);
      }
    };
  }
});

// src/runtime/web/backend.ts
async function openWasm(options) {
  checkPage("wasm");
  const library2 = await import("onnxruntime-web/wasm");
  const threads = configure2(library2, options);
  const owned = /* @__PURE__ */ new Set();
  return {
    name: "wasm",
    provider: "cpu",
    inPlace: true,
    platform: `browser ${navigator.platform} wasm-simd`,
    threads,
    library: library2,
    lane: new Lanes(1),
    executionProvider: "wasm",
    owned,
    createBuffer: (contents2) => new WasmBuffer(contents2, copyOf(contents2), library2.Tensor, owned),
    isOwn: (buffer) => buffer instanceof WasmBuffer,
    fetches: (outputs) => [...outputs.keys()],
    close: () => void 0
  };
}
async function openWebGpu(options) {
  checkPage("webgpu");
  const { device, name } = await openDevice();
  const library2 = await import("onnxruntime-web/webgpu");
  const threads = configure2(library2, options);
  const owned = /* @__PURE__ */ new Set();
  const lane = new Lanes(1);
  const afterRuns = (free2) => void lane.run(async () => free2());
  return {
    name: "webgpu",
    provider: "webgpu",
    inPlace: false,
    platform: `browser ${navigator.platform} ${name}`,
    threads,
    library: library2,
    lane,
    executionProvider: { name: "webgpu", device },
    owned,
    createBuffer: (contents2) => new GpuTensorBuffer(contents2, device, library2.Tensor, owned, afterRuns),
    isOwn: (buffer) => buffer instanceof GpuTensorBuffer,
    fetches: (outputs) => Object.fromEntries([...outputs].map(([key, { tensor }]) => [key, tensor])),
    close: () => device.destroy()
  };
}
function checkPage(name) {
  if (typeof document === "object" || "WorkerGlobalScope" in globalThis) return;
  throw new EngineError(
    `createEngine: ${name} runs in a page, not in Node; open it in a browser, or use the engine cpu here`,
    { name }
  );
}
function configure2({ env }, { threads: wanted2, libraryUrl }) {
  const possible = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  const threads = Math.min(wanted2 ?? possible, possible);
  const current = configured.get(env) ?? threads;
  if (current !== threads) {
    throw new EngineError(
      `createEngine: an engine of this page runs on ${current} threads, got ${threads}; reload the page to change them`,
      { threads, current }
    );
  }
  configured.set(env, threads);
  env.logLevel = "fatal";
  env.wasm.numThreads = threads;
  if (libraryUrl !== void 0) env.wasm.wasmPaths = libraryUrl;
  return threads;
}
function copyOf(contents2) {
  checkShape(contents2.shape);
  const length = "data" in contents2 ? contents2.data.length : sizeOf(contents2.shape);
  const array = reserved(contents2, () => allocate(contents2.dtype, length));
  if ("data" in contents2) array.set(contents2.data);
  return array;
}
var configured;
var init_backend = __esm({
  "src/runtime/web/backend.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_contents();
    init_lanes();
    init_buffer2();
    init_gpu();
    configured = /* @__PURE__ */ new Map();
  }
});

// src/runtime/web/session.ts
async function compile2(backend, model2, options, owned) {
  const settings = {
    executionProviders: [backend.executionProvider],
    graphOptimizationLevel: optimizationLevels2[options.optimization ?? "all"],
    enableMemPattern: false,
    logSeverityLevel: 4,
    externalData: Object.entries(options.initializers ?? {}).map(([path2, { data: data2 }]) => ({ path: path2, data: bytesOf(data2) })),
    extra: { optimization: { disable_specified_optimizers: options.disabledOptimizers?.join(";") ?? "" } }
  };
  const inner = await explain("createSession", backend.library.InferenceSession.create(model2, settings));
  const session = new WebSession(backend, inner, owned);
  owned.add(session);
  return session;
}
function readSignature(metadata) {
  const { name } = metadata;
  if (!metadata.isTensor || !(metadata.type in bytesPerElement)) {
    const type = metadata.isTensor ? metadata.type : "no tensor";
    throw new EngineError(`createSession: ${name} is ${type}, wanted ${Object.keys(bytesPerElement).join(", ")}`, {
      name
    });
  }
  const shape = metadata.shape.map((size7) => typeof size7 === "number" ? size7 : -1);
  return { name, dtype: metadata.type, shape };
}
async function explain(operation2, work) {
  try {
    return await work;
  } catch (cause) {
    throw explainReason(operation2, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
var optimizationLevels2, WebSession, WebBinding;
var init_session2 = __esm({
  "src/runtime/web/session.ts"() {
    "use strict";
    init_errors();
    init_dtype();
    init_reason();
    init_signature();
    init_buffer2();
    optimizationLevels2 = { none: "disabled", basic: "basic", extended: "extended", all: "all" };
    WebSession = class {
      inputNames;
      outputNames;
      backend;
      inner;
      inputs;
      outputs;
      owned;
      releasing;
      constructor(backend, inner, owned) {
        this.backend = backend;
        this.inner = inner;
        this.owned = owned;
        this.inputs = inner.inputMetadata.map(readSignature);
        this.outputs = inner.outputMetadata.map(readSignature);
        this.inputNames = inner.inputNames;
        this.outputNames = inner.outputNames;
      }
      get released() {
        return this.releasing !== void 0;
      }
      bind(inputs, outputs) {
        if (this.released) throw new EngineError("bind: this session has been released; create another");
        const { isOwn } = this.backend;
        const matched = [
          matchBuffers("input", this.inputs, inputs, isOwn),
          matchBuffers("output", this.outputs, outputs, isOwn)
        ];
        return new WebBinding(this.backend, this, this.inner, ...matched);
      }
      release() {
        this.releasing ??= this.backend.lane.run(async () => {
          this.owned.delete(this);
          await this.inner.release();
        });
        return this.releasing;
      }
    };
    WebBinding = class {
      backend;
      session;
      inner;
      inputs;
      outputs;
      feeds;
      fetches;
      running = false;
      released = false;
      constructor(backend, session, inner, inputs, outputs) {
        this.backend = backend;
        this.session = session;
        this.inner = inner;
        this.inputs = inputs;
        this.outputs = outputs;
        this.feeds = Object.fromEntries([...inputs].map(([name, { tensor }]) => [name, tensor]));
        this.fetches = backend.fetches(outputs);
      }
      async run() {
        this.checkReady();
        this.running = true;
        try {
          await this.backend.lane.run(() => this.step());
        } finally {
          this.running = false;
        }
      }
      runSync() {
        throw new EngineError("runSync: a page must not wait; use run, or the engine cpu in Node");
      }
      release() {
        this.released = true;
      }
      async step() {
        const results = await explain("run", this.inner.run(this.feeds, this.fetches));
        for (const [name, buffer] of this.outputs) {
          const result = results[name];
          if (result) buffer.accept(result);
        }
      }
      checkReady() {
        const released = [...this.inputs.values(), ...this.outputs.values()].find((buffer) => buffer.released);
        if (this.released || this.session.released) throw new EngineError("run: this binding has been released; bind again");
        if (released) {
          const { dtype, shape } = released;
          throw new EngineError(
            `run: this binding cannot run: its buffer ${dtype} [${shape}] has been released; bind again`
          );
        }
        if (this.running) throw new EngineError("run: this binding is running; await that run, or bind the buffers twice");
      }
    };
  }
});

// src/runtime/web/engine.ts
var engine_exports2 = {};
__export(engine_exports2, {
  createWebEngine: () => createWebEngine
});
async function createWebEngine(name, options = {}) {
  return new WebEngine(name === "wasm" ? await openWasm(options) : await openWebGpu(options));
}
var WebEngine;
var init_engine2 = __esm({
  "src/runtime/web/engine.ts"() {
    "use strict";
    init_errors();
    init_backend();
    init_session2();
    WebEngine = class {
      name;
      provider;
      inPlace;
      mapsFiles = false;
      backend;
      sessions = /* @__PURE__ */ new Set();
      closing;
      constructor(backend) {
        this.backend = backend;
        this.name = backend.name;
        this.provider = backend.provider;
        this.inPlace = backend.inPlace;
      }
      describe() {
        const { name, library: library2, platform, threads } = this.backend;
        return { name, library: `onnxruntime-web ${library2.env.versions.web}`, platform, threads };
      }
      createBuffer(tensor) {
        this.checkOpen("createBuffer");
        return this.backend.createBuffer(tensor);
      }
      async createSession(model2, options = {}) {
        this.checkOpen("createSession");
        return this.backend.lane.run(() => compile2(this.backend, model2, options, this.sessions));
      }
      close() {
        this.closing ??= this.free();
        return this.closing;
      }
      async free() {
        await this.backend.lane.idle();
        await Promise.all([...this.sessions].map((session) => session.release()));
        for (const buffer of this.backend.owned) buffer.release();
        await this.backend.lane.idle();
        this.backend.close();
      }
      checkOpen(operation2) {
        if (this.closing) throw new EngineError(`${operation2}: this engine has been closed; create another`);
      }
    };
  }
});

// src/text/text-model.ts
import { existsSync as existsSync5 } from "node:fs";
import { join as join9 } from "node:path";
import { fileURLToPath as fileURLToPath2 } from "node:url";

// src/data/tokenizers/folder.ts
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z as z7 } from "zod";

// src/files/json-file.ts
init_errors();
import { readFile } from "node:fs/promises";

// src/files/file-error.ts
init_errors();
var remedies = {
  ENOSPC: "the disk is full; free some space or choose another place (what was there before is untouched)",
  EDQUOT: "your disk quota is used up; free some space or choose another place (what was there before is untouched)",
  EACCES: "permission denied; choose a place that you may use, or change its permissions",
  EPERM: "permission denied; choose a place that you may use, or change its permissions",
  EROFS: "the file system is read-only; choose another place",
  ENOENT: "it does not exist; check the path",
  ENOTDIR: "part of the path is a file, not a folder; check the path",
  EISDIR: "it is a folder, not a file; check the path",
  EEXIST: "something else is already there; move it or choose another name",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  EMFILE: "too many files are open; raise the limit (`ulimit -n`)",
  EFBIG: "the file would be too big for this file system; choose another place"
};
function codeOf(cause) {
  if (!(cause instanceof Error) || !("code" in cause)) return void 0;
  return typeof cause.code === "string" ? cause.code : void 0;
}
function fileError(operation2, path2, cause, Kind = DataError) {
  if (cause instanceof AtelierError) return cause;
  const code = codeOf(cause);
  const reason = remedies[code ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new Kind(`${operation2} ${path2}: ${reason.replace(/\s+/g, " ")}`, { path: path2, code }, { cause });
}

// src/files/parse-json.ts
init_errors();
function parseJson(text2, schema5, name, Kind = CheckpointError) {
  return checkValue(parseText(text2, name, Kind), schema5, name, Kind);
}
function checkValue(value, schema5, name, Kind = CheckpointError) {
  const result = schema5.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(describeIssue);
  const more = issues.length > 3 ? ` (and ${issues.length - 3} more)` : "";
  const message = `${name}: ${issues.slice(0, 3).join("; ")}${more}; correct it or restore the file`;
  throw new Kind(message, { name, issues });
}
function parseText(text2, name, Kind) {
  try {
    return JSON.parse(text2.charCodeAt(0) === 65279 ? text2.slice(1) : text2);
  } catch (cause) {
    const reason = text2.trim() === "" ? "it is empty" : "it is not JSON or is cut short";
    const where2 = cause instanceof Error ? oneLine(cause.message) : "";
    throw new Kind(`${name}: ${reason} (${where2}); restore it`, { name }, { cause });
  }
}
function describeIssue(issue) {
  const path2 = issue.path.map(String).join(".");
  const message = oneLine(issue.message.replace(/^Invalid input: /, ""));
  return path2 === "" ? message : `${oneLine(path2)}: ${message}`;
}
function oneLine(text2) {
  const clean = text2.replace(/[\p{Cc}\s]+/gu, " ");
  return clean.length > 160 ? `${clean.slice(0, 160)}\u2026` : clean;
}

// src/files/json-file.ts
async function readJsonFile(path2, schema5, Kind = CheckpointError) {
  return parseJson(await readText(path2, Kind), schema5, path2, Kind);
}
async function readText(path2, Kind = CheckpointError) {
  const bytes = await readFile(path2).catch((cause) => {
    throw fileError("read", path2, cause, Kind);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Kind(`read ${path2}: it is not UTF-8 text; is it the right file?`, { path: path2 }, { cause });
  }
}

// src/data/tokenizers/huggingface-tokenizer.ts
init_errors();
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers";

// src/data/tokenizers/byte-alphabet.ts
var gpt2ByteOrder = orderBytes();
var byteToChar = spellBytes();
var charToByte = new Map(byteToChar.map((char, byte2) => [char, byte2]));
function isPrintable(byte2) {
  return byte2 >= 33 && byte2 <= 126 || byte2 >= 161 && byte2 <= 172 || byte2 >= 174;
}
function orderBytes() {
  const bytes = Array.from({ length: 256 }, (_, byte2) => byte2);
  return [...bytes.filter(isPrintable), ...bytes.filter((byte2) => !isPrintable(byte2))];
}
function spellBytes() {
  const chars = [];
  let next = 256;
  for (const byte2 of gpt2ByteOrder) chars[byte2] = String.fromCharCode(isPrintable(byte2) ? byte2 : next++);
  return chars;
}
function bytesOfPiece(piece) {
  const bytes = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i++) {
    const byte2 = charToByte.get(piece[i]);
    if (byte2 === void 0) return void 0;
    bytes[i] = byte2;
  }
  return bytes;
}

// src/data/tokenizers/id-buffer.ts
var IdBuffer = class {
  /** The ids, and beyond `length` room for more. Replaced when it grows: read it anew after each call. */
  data;
  length = 0;
  constructor(capacity2 = 1024) {
    this.data = new Int32Array(capacity2);
  }
  /** Makes room for `count` more ids. */
  reserve(count2) {
    const needed = this.length + count2;
    if (needed <= this.data.length) return;
    const grown = new Int32Array(Math.max(needed, this.data.length * 2));
    grown.set(this.data.subarray(0, this.length));
    this.data = grown;
  }
  push(id5) {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = id5;
  }
  /** Appends `source[start]` to `source[end - 1]`. */
  append(source, start, end) {
    this.reserve(end - start);
    for (let i = start; i < end; i++) this.data[this.length++] = source[i];
  }
  clear() {
    this.length = 0;
  }
  /** The ids as a window on `data`: valid until the next change. */
  view() {
    return this.data.subarray(0, this.length);
  }
  /** The ids as an array of their own. */
  toArray() {
    return this.data.slice(0, this.length);
  }
};

// src/data/tokenizers/native-tokenizer.ts
init_errors();

// src/data/tokenizers/special-tokens.ts
init_errors();

// src/data/tokenizers/tokenizer.ts
var END_OF_TEXT = "<|endoftext|>";

// src/data/tokenizers/tokenizer-json.ts
init_errors();
import { z } from "zod";
var mostIds = 2 ** 22;
var id = z.int().min(0).lt(mostIds);
var addedTokenSchema = z.looseObject({
  id,
  content: z.string().min(1),
  single_word: z.boolean().optional(),
  lstrip: z.boolean().optional(),
  rstrip: z.boolean().optional(),
  normalized: z.boolean().optional(),
  special: z.boolean().optional()
});
var partSchema = z.looseObject({ type: z.string() }).nullish();
var tokenizerJsonSchema = z.looseObject({
  version: z.string().optional(),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: partSchema,
  pre_tokenizer: partSchema,
  post_processor: partSchema,
  decoder: partSchema,
  model: z.looseObject({ type: z.enum(["BPE", "WordPiece", "Unigram", "WordLevel"]).optional(), vocab: z.unknown() })
});
var tokenName = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
var tokenizerConfigSchema = z.looseObject({
  bos_token: tokenName,
  eos_token: tokenName,
  pad_token: tokenName,
  unk_token: tokenName,
  cls_token: tokenName,
  sep_token: tokenName,
  mask_token: tokenName,
  add_bos_token: z.boolean().nullish(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish()
});
function chatTemplateOf({ chat_template: template }) {
  if (!Array.isArray(template)) return template ?? void 0;
  return template.find(({ name }) => name === "default")?.template;
}
function nameOf(token) {
  return typeof token === "string" ? token : token?.content;
}
function piecesOf(vocab, added) {
  const pieces = [];
  const seen = /* @__PURE__ */ new Map();
  for (const [piece, value] of vocabEntries(vocab)) addPiece(pieces, seen, piece, value);
  for (const { content, id: id5 } of added) addPiece(pieces, seen, content, id5);
  for (let at = 0; at < pieces.length; at++) pieces[at] ??= void 0;
  return pieces;
}
function vocabEntries(vocab) {
  if (Array.isArray(vocab)) {
    return vocab.map((entry, at) => {
      const piece = Array.isArray(entry) ? entry[0] : void 0;
      if (typeof piece === "string") return [piece, at];
      throw corrupt(`entry ${at} of its vocabulary is ${quote(entry)}, wanted a token and its score`);
    });
  }
  if (vocab !== null && typeof vocab === "object") return Object.entries(vocab);
  throw corrupt(`its vocabulary is ${quote(vocab)}, wanted a table of tokens and ids`);
}
function addPiece(pieces, seen, piece, value) {
  const result = id.safeParse(value);
  if (!result.success) throw corrupt(`token ${quote(piece)} has the id ${quote(value)}, wanted 0 to ${mostIds - 1}`);
  const other2 = pieces[result.data];
  if (other2 !== void 0 && other2 !== piece) {
    throw corrupt(`tokens ${quote(other2)} and ${quote(piece)} share the id ${result.data}`);
  }
  const otherId = seen.get(piece);
  if (otherId !== void 0 && otherId !== result.data) {
    throw corrupt(`token ${quote(piece)} has two ids, ${otherId} and ${result.data}`);
  }
  pieces[result.data] = piece;
  seen.set(piece, result.data);
}
function mergePairs(merges2) {
  if (!Array.isArray(merges2)) throw corrupt("its merges are no list");
  if (merges2.length >= mostIds) throw corrupt(`it has ${merges2.length} merges, wanted fewer than ${mostIds}`);
  return merges2.map((merge, rank) => {
    const sides = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const [left, right] = sides;
    if (sides.length === 2 && typeof left === "string" && typeof right === "string" && left !== "" && right !== "") {
      return [left, right];
    }
    throw corrupt(`merge ${rank} is ${quote(merge)}, wanted two tokens`);
  });
}
function corrupt(what, cause) {
  const message = `tokenizer.json: ${what}; restore the file, or get it again from where the model comes from`;
  return new CheckpointError(message, {}, cause === void 0 ? {} : { cause });
}
function quote(value) {
  const text2 = JSON.stringify(value) ?? String(value);
  return text2.length > 60 ? `${text2.slice(0, 60)}\u2026` : text2;
}

// src/data/tokenizers/special-tokens.ts
var usual = {
  cls: ["[CLS]"],
  sep: ["[SEP]"],
  mask: ["[MASK]", "<mask>"],
  pad: ["[PAD]", "<pad>"],
  bos: ["<s>"],
  eos: ["</s>"]
};
function specialRoles(config, idOf, unknownPiece) {
  const isSilent = !Object.keys(config).some((key) => /_token$/.test(key) && key !== "add_bos_token");
  const find = (role, fallback) => {
    const names = [nameOf(config[`${role}_token`]), fallback, ...isSilent ? usual[role] : []];
    return names.map((name) => name === void 0 ? void 0 : idOf(name)).find((id5) => id5 !== void 0);
  };
  const endOfText = nameOf(config.bos_token) || nameOf(config.eos_token) ? void 0 : END_OF_TEXT;
  const unknown = nameOf(config.unk_token) ?? unknownPiece;
  const [bos, eos, mask2] = [find("bos", endOfText), find("eos", endOfText), find("mask")];
  const framesAsRoberta = isSilent && mask2 !== void 0 && mask2 === idOf("<mask>");
  const sep2 = find("sep") ?? (framesAsRoberta ? eos : void 0);
  return {
    bos,
    eos: eos ?? sep2,
    cls: find("cls") ?? (framesAsRoberta ? bos : void 0),
    sep: sep2,
    mask: mask2,
    pad: find("pad"),
    unknown: unknown === void 0 ? void 0 : idOf(unknown),
    addBos: config.add_bos_token === true && bos !== void 0 && nameOf(config.bos_token) !== void 0
  };
}
var SpecialSplitter = class {
  #ids;
  #pattern;
  constructor(tokens) {
    this.#ids = new Map(tokens.map(({ content, id: id5 }) => [content, id5]));
    const longestFirst = [...this.#ids.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = longestFirst.length > 0 ? new RegExp(longestFirst.map(escapePattern).join("|"), "g") : void 0;
  }
  /** The text's parts in order, without empty ones. */
  *split(text2) {
    let start = 0;
    for (const match of this.#pattern === void 0 ? [] : text2.matchAll(this.#pattern)) {
      if (match.index > start) yield { text: text2.slice(start, match.index), id: void 0 };
      yield { text: match[0], id: this.#ids.get(match[0]) };
      start = match.index + match[0].length;
    }
    if (start < text2.length) yield { text: start === 0 ? text2 : text2.slice(start), id: void 0 };
  }
};
function escapePattern(text2) {
  return text2.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
function requireSpecial(id5, role) {
  if (id5 !== void 0) return id5;
  throw new DataError(`encode: this tokenizer has no ${role} token; ask without { ${role}: true }`, { role });
}

// src/data/tokenizers/stream-decoders.ts
var ByteStreamDecoder = class {
  #bytesOf;
  #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  #isFirst = true;
  /** `bytesOf`: undefined for tokens that are not shown; `isFirst` until one was. */
  constructor(bytesOf2) {
    this.#bytesOf = bytesOf2;
  }
  push(id5) {
    const bytes = this.#bytesOf(id5, this.#isFirst);
    if (bytes === void 0) return "";
    this.#isFirst = false;
    return this.#utf8.decode(bytes, { stream: true });
  }
  flush() {
    this.#isFirst = true;
    return this.#utf8.decode();
  }
};
var replacement = "\uFFFD";
var WindowStreamDecoder = class {
  #decode;
  #window = [];
  /** Text that is out already, at the start of the window's. */
  #known = "";
  /** How many of the window's ids `#known` covers. */
  #knownIds = 0;
  constructor(decode2) {
    this.#decode = decode2;
  }
  push(id5) {
    this.#window.push(id5);
    const text2 = this.#decode(this.#window);
    if (text2.length <= this.#known.length || text2.endsWith(replacement)) return "";
    const fresh = text2.slice(this.#known.length);
    this.#window = this.#window.slice(this.#knownIds);
    this.#known = this.#knownIds === 0 ? text2 : this.#decode(this.#window);
    this.#knownIds = this.#window.length;
    return fresh;
  }
  flush() {
    const rest = this.#window.length === 0 ? "" : this.#decode(this.#window).slice(this.#known.length);
    this.#window = [];
    this.#known = "";
    this.#knownIds = 0;
    return rest;
  }
};

// src/data/tokenizers/native-tokenizer.ts
var noBytes = new Uint8Array(0);
var NativeTokenizer = class {
  kind;
  vocabSize;
  bos;
  eos;
  pad;
  unknown;
  cls;
  sep;
  mask;
  template;
  addBos;
  chatTemplate;
  specialIds;
  #json;
  #encoder;
  #splitter;
  #normalize;
  #pieces;
  #bytes;
  /** The same for a text's first token. */
  #firstBytes;
  #beginsWord;
  #ids;
  #special;
  constructor(parts) {
    const { kind, json, pieces, roles, template, encoder, normalize, spelling: spelling3 } = parts;
    this.chatTemplate = parts.chatTemplate;
    this.kind = kind;
    this.#json = json;
    this.#encoder = encoder;
    this.#splitter = new SpecialSplitter(json.added_tokens);
    this.#normalize = normalize;
    this.#pieces = pieces;
    this.#ids = new Map(this.#pieces.flatMap((piece, id5) => piece === void 0 ? [] : [[piece, id5]]));
    const added = new Set(json.added_tokens.map(({ id: id5 }) => id5));
    const spell = (bytesOf2) => pieces.map((piece, id5) => piece === void 0 ? void 0 : bytesOf2(piece, added.has(id5)));
    this.#bytes = spell(spelling3.bytesOf);
    this.#firstBytes = spelling3.firstBytesOf ? spell(spelling3.firstBytesOf) : this.#bytes;
    this.#beginsWord = pieces.map((piece, id5) => piece !== void 0 && (added.has(id5) || spelling3.beginsWord(piece)));
    this.vocabSize = this.#pieces.length;
    this.bos = roles.bos;
    this.eos = roles.eos;
    this.pad = roles.pad;
    this.unknown = roles.unknown;
    this.cls = roles.cls;
    this.sep = roles.sep;
    this.mask = roles.mask;
    this.template = template;
    this.addBos = roles.addBos || roles.bos !== void 0 && template.firstId === roles.bos;
    this.specialIds = json.added_tokens.flatMap(({ id: id5, special: special2 }) => special2 ? [id5] : []).sort((a, b) => a - b);
    this.#special = new Set(this.specialIds);
  }
  encode(text2, options = {}) {
    const ids2 = new IdBuffer(Math.max(16, text2.length >> 1));
    this.encodeInto(text2, ids2, options);
    return ids2.toArray();
  }
  encodeInto(text2, ids2, { parseSpecial = true, bos, eos } = {}) {
    if (bos === true) ids2.push(requireSpecial(this.bos, "bos"));
    if (!parseSpecial) this.#encoder.encode(this.#normalize(text2), ids2, true);
    else {
      let isStart = true;
      for (const part of this.#splitter.split(text2)) {
        if (part.id === void 0) this.#encoder.encode(this.#normalize(part.text), ids2, isStart);
        else ids2.push(part.id);
        isStart = false;
      }
    }
    if (eos === true) ids2.push(requireSpecial(this.eos, "eos"));
  }
  decode(ids2, { skipSpecial = false } = {}) {
    const parts = [];
    let size7 = 0;
    for (let i = 0; i < ids2.length; i++) {
      const bytes = this.#bytesToShow(ids2[i], skipSpecial, parts.length === 0);
      if (bytes === void 0) continue;
      parts.push(bytes);
      size7 += bytes.length;
    }
    const all2 = new Uint8Array(size7);
    let at = 0;
    for (const part of parts) {
      all2.set(part, at);
      at += part.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(all2);
  }
  streamDecoder({ skipSpecial = false } = {}) {
    return new ByteStreamDecoder((id5, isFirst) => this.#bytesToShow(id5, skipSpecial, isFirst));
  }
  /** Undefined for special tokens that are not shown. */
  #bytesToShow(id5, skipSpecial, isFirst) {
    const bytes = isFirst ? this.#firstBytes[id5] : this.#bytes[id5];
    if (bytes === void 0) throw noToken(id5, this.vocabSize);
    return skipSpecial && this.#special.has(id5) ? void 0 : bytes;
  }
  tokenOf(id5) {
    return this.#pieces[id5];
  }
  idOf(token) {
    return this.#ids.get(token);
  }
  beginsWord(id5) {
    return this.#beginsWord[id5] ?? false;
  }
  bytesOf(id5, isFirst = false) {
    return (isFirst ? this.#firstBytes : this.#bytes)[id5] ?? noBytes;
  }
  toJSON() {
    return this.#json;
  }
  configJson(contextLength) {
    return roleConfig(this, contextLength);
  }
};
function noToken(id5, vocabSize) {
  const message = `decode: no token has the id ${id5}; this vocabulary has ${vocabSize}: is it the model's own tokenizer?`;
  return new DataError(message, { id: id5, vocabSize });
}
function roleConfig(tokenizer, contextLength) {
  const name = (id5) => id5 === void 0 ? null : tokenizer.tokenOf(id5) ?? null;
  const { cls, sep: sep2, mask: mask2, chatTemplate } = tokenizer;
  const bert = Object.entries({ cls_token: cls, sep_token: sep2, mask_token: mask2 }).filter(([, id5]) => id5 !== void 0);
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: name(tokenizer.bos),
    eos_token: name(tokenizer.eos),
    pad_token: name(tokenizer.pad),
    unk_token: name(tokenizer.unknown),
    ...Object.fromEntries(bert.map(([key, id5]) => [key, name(id5)])),
    add_bos_token: tokenizer.addBos,
    clean_up_tokenization_spaces: false,
    ...chatTemplate === void 0 ? {} : { chat_template: chatTemplate },
    ...contextLength === void 0 ? {} : { model_max_length: contextLength }
  };
}

// src/data/tokenizers/huggingface-tokenizer.ts
var utf8 = new TextEncoder();
var noBytes2 = new Uint8Array(0);
var HuggingFaceTokenizer = class {
  kind = "huggingface";
  vocabSize;
  bos;
  eos;
  pad;
  unknown;
  cls;
  sep;
  mask;
  template;
  addBos;
  chatTemplate;
  specialIds;
  #json;
  #config;
  #pieces;
  #plainJson;
  #inner;
  #plain;
  #added;
  /** Throws CheckpointError for files that the library can't use. */
  constructor(json, config, pieces, template) {
    this.#pieces = pieces;
    this.#json = json;
    this.#config = config;
    const whole = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...json };
    this.#plainJson = { ...whole, added_tokens: [] };
    this.#inner = build(whole, config);
    this.vocabSize = pieces.length;
    const { unk_token: unknown } = json.model;
    const roles = specialRoles(config, (piece) => this.idOf(piece), typeof unknown === "string" ? unknown : void 0);
    this.bos = roles.bos;
    this.eos = roles.eos;
    this.pad = roles.pad;
    this.unknown = roles.unknown;
    this.cls = roles.cls;
    this.sep = roles.sep;
    this.mask = roles.mask;
    this.template = template;
    this.chatTemplate = chatTemplateOf(config);
    this.addBos = roles.addBos || this.bos !== void 0 && template.firstId === this.bos;
    this.specialIds = json.added_tokens.flatMap(({ id: id5, special: special2 }) => special2 ? [id5] : []).sort((a, b) => a - b);
    this.#added = new Set(json.added_tokens.map(({ id: id5 }) => id5));
  }
  encode(text2, options = {}) {
    const ids2 = new IdBuffer(Math.max(16, text2.length));
    this.encodeInto(text2, ids2, options);
    return ids2.toArray();
  }
  encodeInto(text2, ids2, { parseSpecial = true, bos, eos } = {}) {
    if (bos === true) ids2.push(requireSpecial(this.bos, "bos"));
    const encoding = (parseSpecial ? this.#inner : this.#withoutSpecial()).encode(text2, { add_special_tokens: false });
    for (const [i, id5] of encoding.ids.entries()) ids2.push(id5 ?? this.#missing(encoding.tokens[i]));
    if (eos === true) ids2.push(requireSpecial(this.eos, "eos"));
  }
  /** The same tokenizer, blind to special tokens in the text. */
  #withoutSpecial() {
    this.#plain ??= build(this.#plainJson, this.#config);
    return this.#plain;
  }
  #missing(token) {
    if (this.unknown !== void 0) return this.unknown;
    throw new DataError(`encode: the vocabulary has no token for ${JSON.stringify(token)}; leave it out`, { token });
  }
  decode(ids2, { skipSpecial = false } = {}) {
    const list2 = Array.from(ids2);
    for (const id5 of list2) if (this.tokenOf(id5) === void 0) throw noToken(id5, this.vocabSize);
    const shown = skipSpecial ? list2.filter((id5) => !this.specialIds.includes(id5)) : list2;
    return shown.length === 0 ? "" : this.#inner.decode(shown, { clean_up_tokenization_spaces: false });
  }
  streamDecoder(options = {}) {
    return new WindowStreamDecoder((ids2) => this.decode(ids2, options));
  }
  tokenOf(id5) {
    return this.#pieces[id5];
  }
  idOf(token) {
    return this.#inner.token_to_id(token);
  }
  beginsWord(id5) {
    const piece = this.tokenOf(id5);
    if (piece === void 0 || this.#added.has(id5)) return piece !== void 0;
    const { type, continuing_subword_prefix: prefix } = this.#json.model;
    if (type === "WordPiece") return !piece.startsWith(typeof prefix === "string" ? prefix : "##");
    return piece.startsWith("\u2581") || /^\s/.test(String.fromCharCode(this.bytesOf(id5)[0] ?? 0));
  }
  /** SentencePiece's `▁` is a space and `<0x0A>` a byte; byte-level pieces are their bytes; others as decoded. */
  bytesOf(id5, isFirst = false) {
    const piece = this.tokenOf(id5);
    if (piece === void 0) return noBytes2;
    const byte2 = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
    if (byte2 !== void 0 && !this.#added.has(id5)) return Uint8Array.of(Number.parseInt(byte2, 16));
    const decoder = JSON.stringify(this.#json.decoder ?? null);
    const spelled2 = !this.#added.has(id5) && decoder.includes('"ByteLevel"') ? bytesOfPiece(piece) : void 0;
    if (spelled2 !== void 0) return spelled2;
    if (isFirst) return utf8.encode(this.decode([id5]));
    if (this.#json.model.type === "WordPiece") return utf8.encode(this.decode([id5, id5]).slice(this.decode([id5]).length));
    return utf8.encode(this.#added.has(id5) ? piece : piece.replaceAll("\u2581", " "));
  }
  toJSON() {
    return this.#json;
  }
  configJson(contextLength) {
    return { ...this.#config, ...contextLength === void 0 ? {} : { model_max_length: contextLength } };
  }
};
function build(json, config) {
  try {
    return new HuggingFace(json, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, " ").slice(0, 160) : "unknown reason";
    throw corrupt(`@huggingface/tokenizers can't use it (${reason})`, cause);
  }
}

// src/data/tokenizers/load-bpe.ts
import { z as z3 } from "zod";

// src/data/tokenizers/encoders.ts
init_errors();

// src/data/tokenizers/merge-table.ts
function hashPair(left, right) {
  const mixed = Math.imul(left, 2654435761) ^ Math.imul(right + 2135587861, 2246822507);
  return mixed ^ mixed >>> 15;
}
var MergeTable = class {
  /** What each rank's merge gives. */
  results;
  #mask;
  #pairs;
  #ranks;
  /** A pair that is there twice has its last rank. */
  constructor(merges2) {
    const size7 = 2 ** Math.ceil(Math.log2(Math.max(16, merges2.length * 3)));
    this.#mask = size7 - 1;
    this.#pairs = new Int32Array(size7 * 2);
    this.#ranks = new Int32Array(size7).fill(-1);
    this.results = Int32Array.from(merges2, (merge) => merge.result);
    for (const [rank, { left, right }] of merges2.entries()) {
      const slot = this.#slotOf(left, right);
      this.#pairs[slot * 2] = left;
      this.#pairs[slot * 2 + 1] = right;
      this.#ranks[slot] = rank;
    }
  }
  /** The rank of a pair's merge, -1 if they don't merge. */
  rank(left, right) {
    return this.#ranks[this.#slotOf(left, right)];
  }
  #slotOf(left, right) {
    let slot = hashPair(left, right) & this.#mask;
    while (this.#ranks[slot] !== -1 && (this.#pairs[slot * 2] !== left || this.#pairs[slot * 2 + 1] !== right)) {
      slot = slot + 1 & this.#mask;
    }
    return slot;
  }
};

// src/data/tokenizers/pre-tokenizer.ts
var letter = 1;
var number = 2;
var space = 3;
var other = 4;
var space20 = 32;
var apostrophe = 39;
var classes = new Uint8Array(1114112);
function classify(codePoint) {
  const char = String.fromCodePoint(codePoint);
  const found = /\p{L}/u.test(char) ? letter : /\p{N}/u.test(char) ? number : /\s/.test(char) ? space : other;
  classes[codePoint] = found;
  return found;
}
function classOf(codePoint) {
  return classes[codePoint] || classify(codePoint);
}
function pieceEnd(text2, start) {
  const first2 = text2.charCodeAt(start);
  if (first2 === apostrophe) {
    const length = contractionLength(text2, start);
    if (length > 0) return start + length;
  }
  let at = start;
  if (first2 === space20) {
    at++;
    if (at === text2.length) return at;
  }
  const kind = classOf(text2.codePointAt(at));
  return kind === space ? whitespaceEnd(text2, start) : runEnd(text2, at, kind);
}
function contractionLength(text2, start) {
  const second = text2[start + 1];
  if (second === "s" || second === "t" || second === "m" || second === "d") return 2;
  const third = text2[start + 2];
  if ((second === "r" || second === "v") && third === "e") return 3;
  return second === "l" && third === "l" ? 3 : 0;
}
function runEnd(text2, start, kind) {
  let at = start;
  while (at < text2.length) {
    const unit = text2.charCodeAt(at);
    if (unit < 55296 || unit > 56319) {
      if (classOf(unit) !== kind) return at;
      at++;
    } else {
      const codePoint = text2.codePointAt(at);
      if (classOf(codePoint) !== kind) return at;
      at += codePoint > 65535 ? 2 : 1;
    }
  }
  return at;
}
function whitespaceEnd(text2, start) {
  const end = runEnd(text2, start, space);
  return end === text2.length || end - start === 1 ? end : end - 1;
}

// src/data/tokenizers/word-cache.ts
var longestCachedWord = 64;
var capacity = 2 ** 18;
var mostWords = capacity / 2;
var WordCache = class {
  /** For each slot: hash, start of the key, length of the key | count of ids << 8, start of the ids; count 0 is free. */
  #slots = new Int32Array(2 ** 12 * 4);
  #mask = 2 ** 12 - 1;
  #words = 0;
  #keys = new Uint16Array(2 ** 15);
  #keysUsed = 0;
  #ids = new Int32Array(2 ** 14);
  #idsUsed = 0;
  /** Appends the ids of the word `text[start … end - 1]` to `ids`; false if it isn't known. */
  find(text2, start, end, ids2) {
    const at = this.#slotOf(text2, start, end, hashWord(text2, start, end)) * 4;
    const count2 = this.#slots[at + 2] >>> 8;
    if (count2 === 0) return false;
    const from = this.#slots[at + 3];
    if (count2 === 1) ids2.push(this.#ids[from]);
    else ids2.append(this.#ids, from, from + count2);
    return true;
  }
  /** Remembers a word that isn't known, of 1 to {@link longestCachedWord} units, with its ids. */
  add(text2, start, end, ids2, count2) {
    if (this.#words >= mostWords) this.#clear();
    else if (this.#words * 2 > this.#mask) this.#growSlots();
    const hash = hashWord(text2, start, end);
    const at = this.#slotOf(text2, start, end, hash) * 4;
    this.#slots[at] = hash;
    this.#slots[at + 1] = this.#addKey(text2, start, end);
    this.#slots[at + 2] = end - start | count2 << 8;
    this.#slots[at + 3] = this.#addIds(ids2, count2);
    this.#words++;
  }
  #slotOf(text2, start, end, hash) {
    const slots = this.#slots;
    let slot = hash & this.#mask;
    while (slots[slot * 4 + 2] !== 0 && !(slots[slot * 4] === hash && this.#isKey(slot * 4, text2, start, end))) {
      slot = slot + 1 & this.#mask;
    }
    return slot;
  }
  #isKey(at, text2, start, end) {
    const length = end - start;
    if ((this.#slots[at + 2] & 255) !== length) return false;
    const key = this.#slots[at + 1];
    for (let i = 0; i < length; i++) if (this.#keys[key + i] !== text2.charCodeAt(start + i)) return false;
    return true;
  }
  #addKey(text2, start, end) {
    const from = this.#keysUsed;
    this.#keysUsed += end - start;
    if (this.#keysUsed > this.#keys.length) {
      const grown = new Uint16Array(this.#keys.length * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    for (let i = start; i < end; i++) this.#keys[from + i - start] = text2.charCodeAt(i);
    return from;
  }
  #addIds(ids2, count2) {
    const from = this.#idsUsed;
    this.#idsUsed += count2;
    if (this.#idsUsed > this.#ids.length) {
      const grown = new Int32Array(this.#ids.length * 2);
      grown.set(this.#ids);
      this.#ids = grown;
    }
    for (let i = 0; i < count2; i++) this.#ids[from + i] = ids2[i];
    return from;
  }
  #growSlots() {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += 4) if (old[at + 2] !== 0) this.#moveSlot(old, at);
  }
  #moveSlot(old, at) {
    let slot = old[at] & this.#mask;
    while (this.#slots[slot * 4 + 2] !== 0) slot = slot + 1 & this.#mask;
    this.#slots.set(old.subarray(at, at + 4), slot * 4);
  }
  #clear() {
    this.#slots.fill(0);
    this.#words = 0;
    this.#keysUsed = 0;
    this.#idsUsed = 0;
  }
};
function hashWord(text2, start, end) {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text2.charCodeAt(i), 16777619);
  return hash ^ hash >>> 15;
}

// src/data/tokenizers/word-merger.ts
var positions = 2 ** 31;
var WordMerger = class {
  #table;
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  #heap = new Float64Array(0);
  #heapSize = 0;
  constructor(table) {
    this.#table = table;
  }
  /** Merges `symbols[0 … length - 1]` in place; gives how many are left. */
  merge(symbols, length) {
    this.#link(length);
    for (let at = 0; at + 1 < length; at++) this.#propose(symbols, at, length);
    while (this.#heapSize > 0) {
      const key = this.#pop();
      const rank = Math.floor(key / positions);
      this.#apply(symbols, length, rank, key - rank * positions);
    }
    return this.#compact(symbols, length);
  }
  #link(length) {
    if (this.#next.length < length) {
      const room = Math.max(64, length);
      this.#next = new Int32Array(room);
      this.#previous = new Int32Array(room);
      this.#heap = new Float64Array(room * 3);
    }
    for (let at = 0; at < length; at++) {
      this.#next[at] = at + 1;
      this.#previous[at] = at - 1;
    }
  }
  /** Merges the pair at `at`, if it is still there. */
  #apply(symbols, length, rank, at) {
    const right = this.#next[at];
    if (symbols[at] < 0 || right >= length) return;
    if (this.#table.rank(symbols[at], symbols[right]) !== rank) return;
    symbols[at] = this.#table.results[rank];
    symbols[right] = -1;
    const after = this.#next[right];
    this.#next[at] = after;
    if (after < length) this.#previous[after] = at;
    const before = this.#previous[at];
    if (before >= 0) this.#propose(symbols, before, length);
    this.#propose(symbols, at, length);
  }
  #propose(symbols, at, length) {
    const right = this.#next[at];
    if (right >= length) return;
    const rank = this.#table.rank(symbols[at], symbols[right]);
    if (rank >= 0) this.#push(rank * positions + at);
  }
  #push(key) {
    const heap = this.#heap;
    let at = this.#heapSize++;
    while (at > 0) {
      const parent = at - 1 >> 1;
      if (heap[parent] <= key) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = key;
  }
  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const size7 = --this.#heapSize;
    const key = heap[size7];
    let at = 0;
    for (let child = 1; child < size7; child = 2 * at + 1) {
      if (child + 1 < size7 && heap[child + 1] < heap[child]) child++;
      if (key <= heap[child]) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = key;
    return top;
  }
  #compact(symbols, length) {
    let kept = 0;
    for (let at = 0; at < length; at++) if (symbols[at] >= 0) symbols[kept++] = symbols[at];
    return kept;
  }
};

// src/data/tokenizers/encoders.ts
var utf82 = new TextEncoder();
var ByteEncoder = class {
  #idOfByte;
  /** `idOfByte`: 256 ids. */
  constructor(idOfByte) {
    this.#idOfByte = idOfByte;
  }
  encode(text2, ids2) {
    const bytes = utf82.encode(text2);
    ids2.reserve(bytes.length);
    for (const byte2 of bytes) ids2.data[ids2.length++] = this.#idOfByte[byte2];
  }
};
var CharEncoder = class {
  #basic = new Int32Array(65536).fill(-1);
  #astral = /* @__PURE__ */ new Map();
  #unknown;
  #size;
  /** `idOfChar` has single code points as keys. Without `unknown`, other characters are a DataError. */
  constructor(idOfChar, unknown) {
    for (const [char, id5] of idOfChar) {
      const codePoint = char.codePointAt(0);
      if (codePoint < 65536) this.#basic[codePoint] = id5;
      else this.#astral.set(codePoint, id5);
    }
    this.#unknown = unknown;
    this.#size = idOfChar.size;
  }
  encode(text2, ids2) {
    ids2.reserve(text2.length);
    for (let at = 0; at < text2.length; at++) {
      const codePoint = text2.codePointAt(at);
      const id5 = codePoint < 65536 ? this.#basic[codePoint] : this.#astral.get(codePoint) ?? -1;
      ids2.data[ids2.length++] = id5 >= 0 ? id5 : this.#missing(codePoint, at);
      if (codePoint > 65535) at++;
    }
  }
  #missing(codePoint, position) {
    if (this.#unknown !== void 0) return this.#unknown;
    const character2 = String.fromCodePoint(codePoint);
    const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
    throw new DataError(
      `encode: character ${JSON.stringify(character2)} (${name}) at position ${position} is not among the ${this.#size} that this model knows; leave it out, or train with the byte or bpe tokenizer`,
      { character: character2, codePoint, position }
    );
  }
};
var BpeEncoder = class {
  #idOfByte;
  #merger;
  #cache = new WordCache();
  #symbols = new Int32Array(256);
  /** `idOfByte`: 256 ids. `merges`: lowest rank first. */
  constructor(idOfByte, merges2) {
    this.#idOfByte = idOfByte;
    this.#merger = new WordMerger(new MergeTable(merges2));
  }
  encode(text2, ids2) {
    for (let start = 0; start < text2.length; ) {
      const end = pieceEnd(text2, start);
      const isCachable = end - start <= longestCachedWord;
      if (!isCachable || !this.#cache.find(text2, start, end, ids2)) this.#encodeWord(text2, start, end, ids2, isCachable);
      start = end;
    }
  }
  #encodeWord(text2, start, end, ids2, isCachable) {
    const bytes = utf82.encode(text2.slice(start, end));
    if (this.#symbols.length < bytes.length) this.#symbols = new Int32Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.#symbols[i] = this.#idOfByte[bytes[i]];
    const count2 = this.#merger.merge(this.#symbols, bytes.length);
    if (isCachable) this.#cache.add(text2, start, end, this.#symbols, count2);
    ids2.append(this.#symbols, 0, count2);
  }
};

// src/data/tokenizers/text-normalizer.ts
import { z as z2 } from "zod";

// src/data/tokenizers/precompiled-map.ts
var utf83 = new TextEncoder();
var longGrapheme = 6;
var beyondAscii = /(?:[ -~]?[^ -~]+)+[ -~]?/g;
var mostRemembered = 1 << 14;
var PrecompiledMap = class {
  #units;
  #replacements;
  #known = /* @__PURE__ */ new Map();
  #graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
  #keepsAscii;
  /** `base64`: the size of the trie in bytes, little-endian in four bytes; the trie; replacements that end in 0. */
  constructor(base64) {
    const bytes = decode(base64);
    const size7 = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : 0;
    if (size7 === 0 || size7 % 4 !== 0 || size7 + 4 > bytes.length) throw corrupt("its precompiled_charsmap is cut short");
    const view2 = new DataView(bytes.buffer, 4, size7);
    this.#units = Uint32Array.from({ length: size7 / 4 }, (_, i) => view2.getUint32(i * 4, true));
    this.#replacements = bytes.subarray(4 + size7);
    this.#keepsAscii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).every(
      (char) => (this.#find(char) ?? char) === char
    );
  }
  /** The text with all rules applied. */
  apply(text2) {
    const rewrite = (part) => {
      let rewritten = "";
      for (const { segment } of this.#graphemes.segment(part)) rewritten += this.#rewriteGrapheme(segment);
      return rewritten;
    };
    return this.#keepsAscii ? text2.replace(beyondAscii, rewrite) : rewrite(text2);
  }
  #rewriteGrapheme(grapheme) {
    const known2 = this.#known.get(grapheme);
    if (known2 !== void 0) return known2;
    const isLong2 = utf83.encode(grapheme).length >= longGrapheme;
    let rewritten = isLong2 ? void 0 : this.#find(grapheme);
    if (rewritten === void 0) {
      rewritten = "";
      for (const char of grapheme) rewritten += this.#find(char) ?? char;
    }
    if (this.#known.size < mostRemembered) this.#known.set(grapheme, rewritten);
    return rewritten;
  }
  /** The replacement of the shortest rule that begins `text`; undefined if there is none. */
  #find(text2) {
    const units = this.#units;
    let node = offsetOf(units[0]);
    for (const byte2 of utf83.encode(text2)) {
      node ^= byte2;
      const unit = units[node];
      if (byte2 === 0 || unit === void 0 || (unit & 2147483903) !== byte2) return void 0;
      node ^= offsetOf(unit);
      if ((unit & 256) !== 0) return this.#replacementAt((units[node] ?? 0) & 2147483647);
    }
    return void 0;
  }
  #replacementAt(start) {
    const end = this.#replacements.indexOf(0, start);
    return new TextDecoder().decode(this.#replacements.subarray(start, end < 0 ? void 0 : end));
  }
};
function offsetOf(unit) {
  return unit >>> 10 << ((unit & 512) >>> 6);
}
function decode(base64) {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw corrupt("its precompiled_charsmap is no base64", cause);
  }
}

// src/data/tokenizers/text-normalizer.ts
var mayNeedNfc = /[\u0300-\uffff]/;
var blank = String.raw`(?:[^\S\ufeff]|\u0085)`;
var blankBefore = new RegExp(`^${blank}+`);
var blankAfter = new RegExp(`${blank}+$`);
var blanks = new RegExp(`${blank}+`);
var sequenceSchema = z2.looseObject({ normalizers: z2.array(z2.looseObject({ type: z2.string() })) });
var stripSchema = z2.looseObject({ strip_left: z2.boolean(), strip_right: z2.boolean() });
var replaceSchema = z2.looseObject({
  content: z2.string(),
  pattern: z2.union([z2.object({ String: z2.string().min(1) }), z2.object({ Regex: z2.literal(" {2,}") })])
});
var precompiledSchema = z2.looseObject({ precompiled_charsmap: z2.string().nullable() });
function textNormalizer(normalizer) {
  switch (normalizer?.type) {
    case void 0:
      return (text2) => text2;
    case "NFC":
      return (text2) => mayNeedNfc.test(text2) ? text2.normalize("NFC") : text2;
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text2) => text2.normalize(normalizer.type);
    case "Precompiled":
      return precompiled(normalizer);
    case "Replace":
      return replacing(normalizer);
    case "Strip":
      return stripping(normalizer);
    case "Sequence":
      return inSequence(normalizer);
    default:
      return void 0;
  }
}
function precompiled(normalizer) {
  const parsed = precompiledSchema.safeParse(normalizer);
  if (!parsed.success) throw corrupt("its normalizer lacks the precompiled_charsmap");
  if (!parsed.data.precompiled_charsmap) return (text2) => text2;
  const map = new PrecompiledMap(parsed.data.precompiled_charsmap);
  return (text2) => map.apply(text2);
}
function replacing(normalizer) {
  const { success, data: data2 } = replaceSchema.safeParse(normalizer);
  if (!success) return void 0;
  const { pattern, content } = data2;
  return (text2) => "String" in pattern ? text2.replaceAll(pattern.String, () => content) : text2.replace(/ {2,}/g, () => content);
}
function stripping(normalizer) {
  const { success, data: data2 } = stripSchema.safeParse(normalizer);
  if (!success) return void 0;
  return (text2) => {
    const right = data2.strip_right ? text2.replace(blankAfter, "") : text2;
    return data2.strip_left ? right.replace(blankBefore, "") : right;
  };
}
function inSequence(normalizer) {
  const { success, data: data2 } = sequenceSchema.safeParse(normalizer);
  if (!success) return void 0;
  const parts = data2.normalizers.map(textNormalizer);
  if (parts.includes(void 0)) return void 0;
  return (text2) => parts.reduce((done, part) => part(done), text2);
}
function metaspaceWords(text2, metaspace2) {
  const words3 = text2.split(blanks).filter((word) => word !== "");
  return words3.map((word) => word.startsWith(metaspace2) ? word : metaspace2 + word).join("");
}

// src/data/tokenizers/load-bpe.ts
var utf84 = new TextEncoder();
var plainBpeSchema = z3.looseObject({
  type: z3.literal("BPE"),
  dropout: z3.literal(0).nullish(),
  continuing_subword_prefix: z3.literal("").nullish(),
  end_of_word_suffix: z3.literal("").nullish(),
  byte_fallback: z3.literal(false).nullish(),
  ignore_merges: z3.literal(false).nullish()
});
var byteLevelSchema = z3.looseObject({
  type: z3.literal("ByteLevel"),
  add_prefix_space: z3.literal(false),
  use_regex: z3.boolean().default(true)
});
var white = /^\s/;
var charSpelling = {
  bytesOf: (piece) => utf84.encode(piece),
  beginsWord: (piece) => white.test(piece)
};
var byteLevelSpelling = {
  bytesOf: (piece, isAdded) => isAdded ? utf84.encode(piece) : byteLevelBytes(piece),
  beginsWord: (piece) => white.test(String.fromCharCode(byteLevelBytes(piece)[0] ?? 0))
};
function bpeModelOf(json, ids2) {
  const { model: model2, normalizer, pre_tokenizer: split2, decoder } = json;
  if (!plainBpeSchema.safeParse(model2).success || normalizer && normalizer.type !== "NFC") return void 0;
  const normalize = textNormalizer(normalizer);
  const hasMerges = !Array.isArray(model2.merges) || model2.merges.length > 0;
  if (!split2 && decoder?.type === "Fuse") {
    return hasMerges ? void 0 : { kind: "char", encoder: charEncoder(json, ids2), normalize, spelling: charSpelling };
  }
  const byteLevel = byteLevelSchema.safeParse(split2);
  if (!byteLevel.success || decoder?.type !== "ByteLevel" || !spellsAllBytes(model2.vocab)) return void 0;
  if (byteLevel.data.use_regex)
    return { kind: "bpe", encoder: bpeEncoder(json, ids2), normalize, spelling: byteLevelSpelling };
  return hasMerges ? void 0 : { kind: "byte", encoder: new ByteEncoder(byteIds(ids2)), normalize, spelling: byteLevelSpelling };
}
function checkMerges(model2, ids2) {
  const hasAffixes = Boolean(model2.continuing_subword_prefix) || Boolean(model2.end_of_word_suffix);
  for (const [left, right] of mergePairs(model2.merges)) {
    if (!hasAffixes && !ids2.has(left + right)) throw missingPiece(left + right);
  }
}
function spellsAllBytes(vocab) {
  return typeof vocab === "object" && vocab !== null && byteToChar.every((char) => Object.hasOwn(vocab, char));
}
function charEncoder(json, ids2) {
  const added = new Set(json.added_tokens.map(({ content }) => content));
  const chars = new Map([...ids2].filter(([piece]) => !added.has(piece)));
  for (const piece of chars.keys()) {
    if ([...piece].length !== 1) throw corrupt(`character tokenizer with a token of several, ${quote(piece)}`);
  }
  const { unk_token: unknown } = json.model;
  return new CharEncoder(chars, typeof unknown === "string" ? ids2.get(unknown) : void 0);
}
function byteIds(ids2) {
  return Int32Array.from(byteToChar, (char) => ids2.get(char));
}
function bpeEncoder(json, ids2) {
  const merges2 = mergePairs(json.model.merges).map(([left, right]) => {
    return { left: idOfPiece(ids2, left), right: idOfPiece(ids2, right), result: idOfPiece(ids2, left + right) };
  });
  return new BpeEncoder(byteIds(ids2), merges2);
}
function idOfPiece(ids2, piece) {
  const id5 = ids2.get(piece);
  if (id5 === void 0) throw missingPiece(piece);
  return id5;
}
function missingPiece(piece) {
  return corrupt(`a merge needs the token ${quote(piece)}, which its vocabulary lacks`);
}
function byteLevelBytes(piece) {
  const bytes = bytesOfPiece(piece);
  if (bytes === void 0) throw corrupt(`token ${quote(piece)} spells no bytes`);
  return bytes;
}

// src/data/tokenizers/load-unigram.ts
import { z as z4 } from "zod";

// src/data/tokenizers/metaspace.ts
var metaspace = "\u2581";
var space2 = 32;
var metaspaceUnit = metaspace.charCodeAt(0);
function metaspaceEnd(text2, start) {
  let at = start + 1;
  while (at < text2.length && text2.charCodeAt(at) !== space2 && text2.charCodeAt(at) !== metaspaceUnit) at++;
  return at;
}
var classes2 = new Uint8Array(1114112);

// src/data/tokenizers/unigram-encoder.ts
init_errors();

// src/data/tokenizers/cached-words.ts
var CachedWords = class {
  #cache = new WordCache();
  #encode;
  #fresh = new IdBuffer(256);
  constructor(encode) {
    this.#encode = encode;
  }
  /** Appends the ids of the word `text[start … end - 1]`. */
  append(text2, start, end, ids2) {
    if (end - start > longestCachedWord) this.#encode(text2, start, end, ids2);
    else if (!this.#cache.find(text2, start, end, ids2)) this.#learn(text2, start, end, ids2);
  }
  #learn(text2, start, end, ids2) {
    const fresh = this.#fresh;
    fresh.clear();
    this.#encode(text2, start, end, fresh);
    if (fresh.length > 0) this.#cache.add(text2, start, end, fresh.data, fresh.length);
    ids2.append(fresh.data, 0, fresh.length);
  }
};

// src/data/tokenizers/piece-trie.ts
var PieceTrie = class {
  /** The id of the piece that ends at a node, or -1. */
  ids;
  #mask;
  #parents;
  #units;
  /** 0 is a free slot: the root is nobody's child. */
  #children;
  #nodes = 1;
  /** `pieces`: not empty, each once, with its id from 0. */
  constructor(pieces) {
    const sorted = [...pieces].sort(([a], [b]) => a < b ? -1 : 1);
    const nodes = countNodes(sorted);
    const size7 = 2 ** Math.ceil(Math.log2(Math.max(16, nodes * 2)));
    this.#mask = size7 - 1;
    this.#parents = new Int32Array(size7);
    this.#units = new Uint16Array(size7);
    this.#children = new Int32Array(size7);
    this.ids = new Int32Array(nodes).fill(-1);
    for (const [piece, id5] of sorted) this.#add(piece, id5);
  }
  /** The node below `node` by a unit; 0 if there is none. */
  child(node, unit) {
    return this.#children[this.#slotOf(node, unit)];
  }
  /** The node that a text leads to from the root; 0 if none, or for an empty text. */
  nodeOf(text2) {
    let node = 0;
    for (let i = 0; i < text2.length; i++) {
      node = this.child(node, text2.charCodeAt(i));
      if (node === 0) return 0;
    }
    return node;
  }
  #add(piece, id5) {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const slot = this.#slotOf(node, unit);
      if (this.#children[slot] === 0) {
        this.#parents[slot] = node;
        this.#units[slot] = unit;
        this.#children[slot] = this.#nodes++;
      }
      node = this.#children[slot];
    }
    this.ids[node] = id5;
  }
  #slotOf(node, unit) {
    let slot = hashPair(node, unit) & this.#mask;
    while (this.#children[slot] !== 0 && (this.#parents[slot] !== node || this.#units[slot] !== unit)) {
      slot = slot + 1 & this.#mask;
    }
    return slot;
  }
};
function countNodes(sorted) {
  let nodes = 1;
  let before = "";
  for (const [piece] of sorted) {
    let shared3 = 0;
    while (shared3 < before.length && piece[shared3] === before[shared3]) shared3++;
    nodes += piece.length - shared3;
    before = piece;
  }
  return nodes;
}

// src/data/tokenizers/unigram-encoder.ts
var utf85 = new TextEncoder();
var space3 = 32;
var metaspaceUnit2 = metaspace.charCodeAt(0);
var UnigramEncoder = class {
  #model;
  #trie;
  #scores;
  #words = new CachedWords((text2, start, end, ids2) => this.#encodeWord(text2, start, end, ids2));
  /** For each end: the best score, where the last piece begins, its id (-1: no piece spells the character). */
  #best = new Float64Array(65);
  #from = new Int32Array(65);
  #ids = new Int32Array(65);
  constructor(model2) {
    this.#model = model2;
    this.#trie = new PieceTrie(model2.pieces.map(([piece, id5]) => [piece, id5]));
    this.#scores = new Float64Array(model2.pieces.reduce((most, [, id5]) => Math.max(most, id5), 0) + 1);
    for (const [, id5, score2] of model2.pieces) this.#scores[id5] = score2;
  }
  encode(text2, ids2, isStart = true) {
    let start = 0;
    if (text2 !== "" && this.#lacksSpace(text2, isStart)) {
      start = this.#wordEnd(text2, 0);
      this.#words.append(metaspace + text2.slice(0, start), 0, start + 1, ids2);
    }
    while (start < text2.length) {
      const end = this.#wordEnd(text2, start);
      this.#words.append(text2, start, end, ids2);
      start = end;
    }
  }
  #wordEnd(text2, start) {
    return this.#model.splits ? metaspaceEnd(text2, start) : text2.length;
  }
  #lacksSpace(text2, isStart) {
    const { prepend } = this.#model;
    const unit = text2.charCodeAt(0);
    return (prepend === "always" || prepend === "first" && isStart) && unit !== space3 && unit !== metaspaceUnit2;
  }
  #encodeWord(text2, start, end, ids2) {
    const length = end - start;
    this.#search(text2, start, length);
    const reversed = [];
    for (let at = length; at > 0; at = this.#from[at]) {
      if (this.#ids[at] >= 0) reversed.push(this.#ids[at]);
      else at = this.#pushUnknown(text2, start, at, reversed);
    }
    ids2.reserve(reversed.length);
    for (let i = reversed.length - 1; i >= 0; i--) ids2.data[ids2.length++] = reversed[i];
  }
  #search(text2, start, length) {
    this.#reserve(length + 1);
    const [trie, best, scores] = [this.#trie, this.#best, this.#scores];
    best.fill(Number.NEGATIVE_INFINITY, 1, length + 1);
    best[0] = 0;
    for (let at = 0, width = 1; at < length; at += width) {
      width = widthAt(text2, start + at, start + length);
      let isSpelled = false;
      for (let node = 0, to = at; to < length; ) {
        const unit = text2.charCodeAt(start + to);
        node = trie.child(node, unit === space3 ? metaspaceUnit2 : unit);
        if (node === 0) break;
        to++;
        const id5 = trie.ids[node];
        if (id5 < 0) continue;
        if (to - at === width) isSpelled = true;
        this.#offer(at, to, id5, scores[id5]);
      }
      if (!isSpelled) this.#offer(at, at + width, -1, this.#model.unknownScore);
    }
  }
  #offer(from, to, id5, score2) {
    const total2 = this.#best[from] + score2;
    if (total2 <= this.#best[to]) return;
    this.#best[to] = total2;
    this.#from[to] = from;
    this.#ids[to] = id5;
  }
  #reserve(size7) {
    if (this.#best.length >= size7) return;
    this.#best = new Float64Array(size7 * 2);
    this.#from = new Int32Array(size7 * 2);
    this.#ids = new Int32Array(size7 * 2);
  }
  /** Spells the run of unknown characters that ends at `end`, backwards; gives the end of the first of them. */
  #pushUnknown(text2, start, end, reversed) {
    let first2 = end;
    while (this.#from[first2] > 0 && this.#ids[this.#from[first2]] < 0) first2 = this.#from[first2];
    const run = text2.slice(start + this.#from[first2], start + end).replaceAll(" ", metaspace);
    for (const id5 of this.#spellUnknown(run).reverse()) reversed.push(id5);
    return first2;
  }
  /** The bytes of characters that no piece spells, or one token for all of them. */
  #spellUnknown(run) {
    const { bytes, unknown } = this.#model;
    const ids2 = bytes === void 0 ? [-1] : Array.from(utf85.encode(run), (byte2) => bytes[byte2]);
    if (!ids2.includes(-1)) return ids2;
    if (unknown !== void 0) return [unknown];
    throw new DataError(
      `encode: no token spells ${JSON.stringify(run.slice(0, 20))}, and there is none for the unknown; leave it out`,
      { run }
    );
  }
};
function widthAt(text2, at, end) {
  const unit = text2.charCodeAt(at);
  if (unit < 55296 || unit > 56319 || at + 1 >= end) return 1;
  const next = text2.charCodeAt(at + 1);
  return next >= 56320 && next <= 57343 ? 2 : 1;
}

// src/data/tokenizers/load-unigram.ts
var modelSchema = z4.looseObject({
  type: z4.literal("Unigram"),
  unk_id: z4.int().min(0).nullish(),
  byte_fallback: z4.boolean().nullish()
});
var metaspaceSchema = z4.looseObject({
  type: z4.literal("Metaspace"),
  replacement: z4.literal(metaspace).default(metaspace),
  add_prefix_space: z4.literal(true).nullish(),
  prepend_scheme: z4.enum(["first", "always", "never"]).default("always"),
  split: z4.boolean().default(true)
});
var wordsSchema = z4.looseObject({
  type: z4.literal("Sequence"),
  pretokenizers: z4.tuple([
    z4.looseObject({ type: z4.literal("WhitespaceSplit") }),
    metaspaceSchema.extend({ prepend_scheme: z4.literal("always").default("always") })
  ])
});
var decoderSchema = z4.union([
  metaspaceSchema,
  z4.looseObject({
    type: z4.literal("Sequence"),
    decoders: z4.tuple([z4.looseObject({ type: z4.literal("ByteFallback") }), metaspaceSchema])
  })
]);
var scoresSchema = z4.array(z4.tuple([z4.string(), z4.number()]));
var unknownPenalty = 10;
function unigramModelOf(json, ids2) {
  const model2 = modelSchema.safeParse(json.model);
  const split2 = z4.union([metaspaceSchema, wordsSchema]).safeParse(json.pre_tokenizer);
  const decoder = decoderSchema.safeParse(json.decoder);
  const normalize = textNormalizer(json.normalizer);
  if (!model2.success || !split2.success || !decoder.success || normalize === void 0) return void 0;
  const isSplit = split2.data.type === "Sequence";
  const metaspaces = split2.data.type === "Sequence" ? split2.data.pretokenizers[1] : split2.data;
  const scored = readScores(json.model.vocab);
  const unknown = model2.data.unk_id ?? void 0;
  if (unknown !== void 0 && unknown >= scored.length)
    throw corrupt(`its unknown token has the id ${unknown}, wanted 0 to ${scored.length - 1}`);
  const added = new Set(json.added_tokens.map(({ content }) => content));
  const encoder = new UnigramEncoder({
    pieces: scored.flatMap(
      ([piece, score2], id5) => piece === "" || added.has(piece) ? [] : [[piece, id5, score2]]
    ),
    unknownScore: scored.reduce((least2, [, score2]) => Math.min(least2, score2), Number.POSITIVE_INFINITY) - unknownPenalty,
    unknown,
    bytes: model2.data.byte_fallback ? byteIds2(ids2) : void 0,
    prepend: metaspaces.prepend_scheme,
    splits: metaspaces.split
  });
  const shown = decoder.data.type === "Metaspace" ? decoder.data : decoder.data.decoders[1];
  return {
    kind: "unigram",
    encoder,
    normalize: isSplit ? (text2) => metaspaceWords(normalize(text2), metaspace) : normalize,
    spelling: spelling(decoder.data.type === "Sequence", shown.prepend_scheme !== "never")
  };
}
function readScores(vocab) {
  const scores = scoresSchema.safeParse(vocab);
  if (scores.success && scores.data.length > 0) return scores.data;
  const [at] = scores.error?.issues[0]?.path ?? [];
  const entry = Array.isArray(vocab) && typeof at === "number" ? `entry ${at} of its vocabulary` : "its vocabulary";
  throw corrupt(
    `${entry} is ${quote(Array.isArray(vocab) && typeof at === "number" ? vocab[at] : vocab)}, wanted a token and its score`
  );
}
function byteIds2(ids2) {
  return Int32Array.from({ length: 256 }, (_, byte2) => ids2.get(bytePiece(byte2)) ?? -1);
}
function bytePiece(byte2) {
  return `<0x${byte2.toString(16).toUpperCase().padStart(2, "0")}>`;
}
var utf86 = new TextEncoder();
function spelling(hasBytes, losesFirst) {
  const bytesOf2 = (piece, isAdded) => {
    const byte2 = hasBytes && !isAdded ? /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1] : void 0;
    if (byte2 !== void 0) return Uint8Array.of(Number.parseInt(byte2, 16));
    return utf86.encode(piece.replaceAll(metaspace, " "));
  };
  const firstBytesOf = (piece, isAdded) => bytesOf2(piece.startsWith(metaspace) ? piece.slice(metaspace.length) : piece, isAdded);
  return {
    bytesOf: bytesOf2,
    ...losesFirst ? { firstBytesOf } : {},
    beginsWord: (piece) => piece.startsWith(metaspace)
  };
}

// src/data/tokenizers/load-wordpiece.ts
import { z as z5 } from "zod";

// src/data/tokenizers/bert-characters.ts
var bertClass = {
  /** Part of a word. */
  word: 1,
  /** A word of its own: ASCII symbols and Unicode's punctuation. */
  punctuation: 2,
  /** Between words. */
  space: 3,
  /** Chinese ideographs, as BERT counts them: words of their own if the normalizer says so. */
  ideograph: 4,
  /** Taken away: control, format and private characters, NUL, U+FFFD, halves of surrogate pairs. */
  dropped: 5
};
var control = /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}\0\ufffd]$/u;
var punctuation = /^[\p{P}$+<=>^`|~\u166d\u{111c9}]$/u;
var ideographs = [
  ...[19968, 40959, 13312, 19903, 131072, 173791, 173824, 177983, 177984, 178207],
  ...[178464, 183983, 63744, 64255, 194560, 195103]
];
var newer = [
  ...[1565, 1565, 2557, 2557, 2678, 2678, 3191, 3191, 3204, 3204, 6990, 6991, 7037, 7039],
  ...[11843, 11855, 11858, 11869, 68974, 68974, 69293, 69293, 69328, 69328, 69461, 69465],
  ...[69510, 69513, 70612, 70616, 70731, 70735, 70746, 70749, 71264, 71276, 71353, 71353],
  ...[71739, 71739, 72004, 72006, 72162, 72162, 72255, 72262, 72346, 72354, 72448, 72457],
  ...[72673, 72673, 72769, 72773, 72816, 72817, 73463, 73464, 73539, 73551, 73727, 73727],
  ...[77809, 77810, 93549, 93551, 93847, 93850, 94178, 94178, 124415, 124415, 125278, 125279],
  ...[2192, 2193, 2274, 2274, 69837, 69837, 78896, 78911]
];
function isWithin(ranges, codePoint) {
  for (let i = 0; i < ranges.length; i += 2) {
    if (codePoint >= ranges[i] && codePoint <= ranges[i + 1]) return true;
  }
  return false;
}
var classes3 = new Uint8Array(1114112);
function classify2(codePoint) {
  const char = String.fromCodePoint(codePoint);
  if (/[\t\n\r]/.test(char)) return bertClass.space;
  if (isWithin(newer, codePoint)) return bertClass.word;
  if (control.test(char)) return bertClass.dropped;
  if (/\s/.test(char)) return bertClass.space;
  if (isWithin(ideographs, codePoint)) return bertClass.ideograph;
  return punctuation.test(char) ? bertClass.punctuation : bertClass.word;
}
function bertClassOf(codePoint) {
  classes3[codePoint] ||= classify2(codePoint);
  return classes3[codePoint];
}

// src/data/tokenizers/bert-words.ts
function stretchEnd(text2, start, splitIdeographs) {
  let at = start;
  while (at < text2.length) {
    const unit = text2.charCodeAt(at);
    const isPair = unit >= 55296 && unit <= 56319;
    const codePoint = isPair ? text2.codePointAt(at) : unit;
    const width = codePoint > 65535 ? 2 : 1;
    if (standsAlone(bertClassOf(codePoint), splitIdeographs)) return at === start ? at + width : at;
    at += width;
  }
  return at;
}
function standsAlone(kind, splitIdeographs) {
  if (kind === bertClass.ideograph) return splitIdeographs;
  return kind === bertClass.punctuation || kind === bertClass.space;
}
function wordsOfStretch(stretch, normalization) {
  const words3 = [];
  let open3 = "";
  for (const char of normalizeStretch(stretch, normalization)) {
    const kind = bertClassOf(char.codePointAt(0));
    if (kind !== bertClass.punctuation && kind !== bertClass.space) {
      open3 += char;
      continue;
    }
    if (open3 !== "") words3.push(open3);
    open3 = "";
    if (kind === bertClass.punctuation) words3.push(char);
  }
  if (open3 !== "") words3.push(open3);
  return words3;
}
function normalizeStretch(stretch, { lowercase, stripAccents }) {
  let text2 = "";
  for (const char of stretch) if (bertClassOf(char.codePointAt(0)) !== bertClass.dropped) text2 += char;
  if (stripAccents) text2 = text2.normalize("NFD").replace(/\p{Mn}/gu, "");
  if (!lowercase) return text2;
  let lower2 = "";
  for (const char of text2) lower2 += char.toLowerCase();
  return lower2;
}
var mostRemembered2 = 1 << 17;

// src/data/tokenizers/wordpiece-encoder.ts
var space4 = 32;
var WordPieceEncoder = class {
  #model;
  #trie;
  /** Where pieces that go on begin; -1 if the vocabulary has none. */
  #continuing;
  #words = new CachedWords((text2, start, end, ids2) => {
    for (const word of wordsOfStretch(text2.slice(start, end), this.#model.normalization)) this.#encodeWord(word, ids2);
  });
  constructor(model2) {
    this.#model = model2;
    this.#trie = new PieceTrie(model2.pieces);
    this.#continuing = this.#trie.nodeOf(model2.continuing) || (model2.continuing === "" ? 0 : -1);
  }
  encode(text2, ids2) {
    const { splitIdeographs } = this.#model.normalization;
    for (let start = 0; start < text2.length; ) {
      if (text2.charCodeAt(start) === space4) {
        start++;
        continue;
      }
      const end = stretchEnd(text2, start, splitIdeographs);
      this.#words.append(text2, start, end, ids2);
      start = end;
    }
  }
  #encodeWord(word, ids2) {
    const { unknown, longestWord } = this.#model;
    const before = ids2.length;
    let at = word.length > longestWord && [...word].length > longestWord ? -1 : 0;
    while (at >= 0 && at < word.length) at = this.#longestPiece(word, at, ids2);
    if (at >= 0) return;
    ids2.length = before;
    ids2.push(unknown);
  }
  /** Appends the longest piece at `start`, and gives where it ends; -1 if there is none. */
  #longestPiece(word, start, ids2) {
    const trie = this.#trie;
    let node = start === 0 ? 0 : this.#continuing;
    let [end, id5] = [-1, -1];
    if (node < 0) return -1;
    for (let at = start; at < word.length; at++) {
      node = trie.child(node, word.charCodeAt(at));
      if (node === 0) break;
      if (trie.ids[node] < 0) continue;
      id5 = trie.ids[node];
      end = at + 1;
    }
    if (end >= 0) ids2.push(id5);
    return end;
  }
};

// src/data/tokenizers/load-wordpiece.ts
var modelSchema2 = z5.looseObject({
  type: z5.literal("WordPiece"),
  unk_token: z5.string(),
  continuing_subword_prefix: z5.string(),
  max_input_chars_per_word: z5.int().min(1).default(100)
});
var normalizerSchema = z5.looseObject({
  type: z5.literal("BertNormalizer"),
  clean_text: z5.literal(true),
  handle_chinese_chars: z5.boolean(),
  strip_accents: z5.boolean().nullish(),
  lowercase: z5.boolean()
});
var decoderSchema2 = z5.looseObject({ type: z5.literal("WordPiece"), prefix: z5.string(), cleanup: z5.boolean() });
function wordPieceModelOf(json, ids2) {
  const model2 = modelSchema2.safeParse(json.model);
  const normalizer = normalizerSchema.safeParse(json.normalizer);
  const decoder = decoderSchema2.safeParse(json.decoder);
  if (!model2.success || !normalizer.success || !decoder.success) return void 0;
  if (json.pre_tokenizer?.type !== "BertPreTokenizer") return void 0;
  const { unk_token: unknownPiece, continuing_subword_prefix: continuing } = model2.data;
  const unknown = ids2.get(unknownPiece);
  if (unknown === void 0) throw corrupt(`its vocabulary lacks the unknown token ${quote(unknownPiece)}`);
  const added = new Set(json.added_tokens.map(({ content }) => content));
  const { lowercase, strip_accents: stripAccents, handle_chinese_chars: splitIdeographs } = normalizer.data;
  const encoder = new WordPieceEncoder({
    pieces: [...ids2].filter(([piece]) => piece !== "" && !added.has(piece)),
    continuing,
    unknown,
    longestWord: model2.data.max_input_chars_per_word,
    normalization: { lowercase, stripAccents: stripAccents ?? lowercase, splitIdeographs }
  });
  return { kind: "wordpiece", encoder, normalize: (text2) => text2, spelling: spelling2(continuing, decoder.data) };
}
var utf87 = new TextEncoder();
function spelling2(continuing, { prefix, cleanup }) {
  const clean = cleanup ? cleanUp : (text2) => text2;
  const later = (piece) => prefix !== "" && piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`;
  return {
    bytesOf: (piece) => utf87.encode(clean(later(piece))),
    firstBytesOf: (piece) => utf87.encode(clean(piece)),
    beginsWord: (piece) => continuing === "" || !piece.startsWith(continuing)
  };
}
function cleanUp(text2) {
  return text2.replace(/ ([.?!,]|n't|'m|'s|'ve|'re)/g, "$1");
}

// src/data/tokenizers/template.ts
import { z as z6 } from "zod";
var Template = class {
  #single;
  #pair;
  constructor(single, pair3) {
    this.#single = single;
    this.#pair = pair3;
  }
  /** Puts the template's tokens around the ids of one text or of two. */
  frame(first2, second) {
    const slots = second === void 0 ? this.#single : this.#pair;
    const parts = slots.map(({ ids: ids2, type }) => ({
      ids: ids2 === "A" ? first2 : ids2 === "B" ? second ?? [] : ids2,
      type
    }));
    const size7 = parts.reduce((sum2, { ids: ids2 }) => sum2 + ids2.length, 0);
    const framed = { ids: new Int32Array(size7), typeIds: new Int32Array(size7) };
    let at = 0;
    for (const { ids: ids2, type } of parts) {
      framed.ids.set(ids2, at);
      framed.typeIds.fill(type, at, at + ids2.length);
      at += ids2.length;
    }
    return framed;
  }
  /** The token before one text; undefined if there is none. */
  get firstId() {
    const ids2 = this.#single[0]?.ids;
    return typeof ids2 === "string" ? void 0 : ids2?.[0];
  }
};
var first = { ids: "A", type: 0 };
var plain = new Template([first], [first, { ids: "B", type: 1 }]);
var id2 = z6.int().min(0);
var slotSchema = z6.union([
  z6.object({ SpecialToken: z6.object({ id: z6.string(), type_id: id2.default(0) }) }),
  z6.object({ Sequence: z6.object({ id: z6.enum(["A", "B"]), type_id: id2.default(0) }) })
]);
var templateSchema = z6.looseObject({
  single: z6.array(slotSchema),
  pair: z6.array(slotSchema),
  special_tokens: z6.record(z6.string(), z6.looseObject({ ids: z6.array(id2) }))
});
var bertSchema = z6.looseObject({ cls: z6.tuple([z6.string(), id2]), sep: z6.tuple([z6.string(), id2]) });
var sequenceSchema2 = z6.looseObject({ processors: z6.array(z6.looseObject({ type: z6.string() })) });
function readTemplate(processor) {
  switch (processor?.type) {
    case void 0:
    case "ByteLevel":
      return plain;
    case "Sequence":
      return parse(sequenceSchema2, processor).processors.map(readTemplate).find((one) => one !== plain) ?? plain;
    case "TemplateProcessing":
      return templateOf(parse(templateSchema, processor));
    case "BertProcessing":
    case "RobertaProcessing":
      return bertTemplate(parse(bertSchema, processor), processor.type === "BertProcessing" ? 1 : 0);
    default:
      throw corrupt(`its post-processor ${quote(processor?.type)} is of no known kind`);
  }
}
function parse(schema5, processor) {
  const result = schema5.safeParse(processor);
  if (result.success) return result.data;
  const { path: path2 = [], message = "" } = result.error.issues[0] ?? {};
  throw corrupt(`post_processor.${path2.join(".")}: ${message}`);
}
function templateOf({ single, pair: pair3, special_tokens: special2 }) {
  const slots = (list2) => list2.map((slot) => {
    if ("Sequence" in slot) return { ids: slot.Sequence.id, type: slot.Sequence.type_id };
    const name = slot.SpecialToken.id;
    const ids2 = Object.hasOwn(special2, name) ? special2[name]?.ids : void 0;
    if (ids2 === void 0) throw corrupt(`its post-processor lacks the special token ${quote(name)}`);
    return { ids: ids2, type: slot.SpecialToken.type_id };
  });
  return new Template(slots(single), slots(pair3));
}
function bertTemplate({ cls: [, cls], sep: [, sep2] }, secondType) {
  const begin = [{ ids: [cls], type: 0 }, first, { ids: [sep2], type: 0 }];
  const between2 = secondType === 0 ? [{ ids: [sep2], type: 0 }] : [];
  return new Template(begin, [...begin, ...between2, { ids: "B", type: secondType }, { ids: [sep2], type: secondType }]);
}

// src/data/tokenizers/load.ts
function loadTokenizer(tokenizerJson, tokenizerConfig = {}) {
  const json = read(tokenizerJson, tokenizerJsonSchema, "tokenizer.json");
  const config = read(tokenizerConfig, tokenizerConfigSchema, "tokenizer_config.json");
  const pieces = piecesOf(json.model.vocab, json.added_tokens);
  const ids2 = new Map(pieces.flatMap((piece, id5) => piece === void 0 ? [] : [[piece, id5]]));
  const template = readTemplate(json.post_processor);
  for (const id5 of template.frame([], []).ids) {
    if (pieces[id5] === void 0) throw corrupt(`its post-processor adds the id ${id5}, which no token has`);
  }
  const native = addsPlainly(json) ? bpeModelOf(json, ids2) ?? wordPieceModelOf(json, ids2) ?? unigramModelOf(json, ids2) : void 0;
  if (native === void 0) {
    if (json.model.type === "BPE") checkMerges(json.model, ids2);
    return new HuggingFaceTokenizer(json, config, pieces, template);
  }
  const { unk_token: unknown, unk_id: unknownId } = json.model;
  const unknownPiece = typeof unknown === "string" ? unknown : pieces[unknownId];
  const roles = specialRoles(config, (piece) => ids2.get(piece), unknownPiece);
  return new NativeTokenizer({ ...native, json, pieces, roles, template, chatTemplate: chatTemplateOf(config) });
}
function read(source, schema5, name) {
  return typeof source === "string" ? parseJson(source, schema5, name) : checkValue(source, schema5, name);
}
function addsPlainly({ added_tokens: tokens, normalizer }) {
  return tokens.every((token) => {
    const isPlain = !token.single_word && !token.lstrip && !token.rstrip;
    return isPlain && (!normalizer || !(token.normalized ?? !token.special));
  });
}

// src/data/tokenizers/folder.ts
async function readTokenizer(folder2) {
  const configPath2 = join(folder2, "tokenizer_config.json");
  const json = await readJsonFile(join(folder2, "tokenizer.json"), z7.unknown());
  const config = existsSync(configPath2) ? await readJsonFile(configPath2, z7.looseObject({})) : {};
  const templatePath = join(folder2, "chat_template.jinja");
  const apart = existsSync(templatePath) ? { chat_template: await readText(templatePath) } : {};
  return loadTokenizer(json, { ...config, ...apart });
}

// src/text/text-model.ts
init_errors();

// src/files/gallery-folder.ts
import { existsSync as existsSync2 } from "node:fs";
import { join as join2, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
var galleryFolder = fileURLToPath(new URL("../../gallery", import.meta.url));
function resolveModelFolder(folder2) {
  const [, name] = /^gallery[/\\]([\w-]+)[/\\]?$/.exec(folder2) ?? [];
  if (name === void 0 || existsSync2(folder2)) return folder2;
  const inside = join2(galleryFolder, name);
  return existsSync2(inside) ? inside : folder2;
}

// src/models/adapter.ts
init_errors();
import { existsSync as existsSync3 } from "node:fs";
import { isAbsolute, join as join4, resolve } from "node:path";
import { z as z10 } from "zod";

// src/files/safetensors-file.ts
init_errors();
init_dtype();
import { open, realpath, stat } from "node:fs/promises";
import { join as join3 } from "node:path";
import { z as z9 } from "zod";

// src/files/safetensors.ts
init_errors();

// src/files/half-precision.ts
var widened;
function float16ToFloat32(bits) {
  widened ??= tableOfFloat16();
  const table = widened;
  const output = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) output[i] = table[bits[i]];
  return output;
}
function bfloat16ToFloat32(bits) {
  const output = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) output[i] = bits[i] << 16;
  return new Float32Array(output.buffer);
}
function tableOfFloat16() {
  const bits = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) bits[half] = widen(half);
  return new Float32Array(bits.buffer);
}
function widen(half) {
  const sign2 = (half & 32768) << 16;
  const exponent2 = half >>> 10 & 31;
  const fraction = half & 1023;
  if (exponent2 === 31) return sign2 | 2139095040 | fraction << 13;
  if (exponent2 !== 0) return sign2 | exponent2 + 112 << 23 | fraction << 13;
  if (fraction === 0) return sign2;
  const shift = Math.clz32(fraction) - 21;
  return sign2 | 113 - shift << 23 | (fraction << shift & 1023) << 13;
}

// src/files/safetensors-header.ts
init_errors();
init_dtype();
import { z as z8 } from "zod";

// src/files/duplicate-key.ts
function duplicateKey(json) {
  const open3 = [];
  for (let i = 0; i < json.length; i++) {
    const character2 = json[i];
    if (character2 === "{") open3.push(/* @__PURE__ */ new Set());
    else if (character2 === "[") open3.push(void 0);
    else if (character2 === "}" || character2 === "]") open3.pop();
    else if (character2 === '"') {
      const end = endOfString(json, i);
      if (isKey(json, end)) {
        const key = JSON.parse(json.slice(i, end));
        const keys = open3.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      i = end - 1;
    }
  }
  return void 0;
}
function endOfString(json, start) {
  let i = start + 1;
  while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return i + 1;
}
function isKey(json, afterString) {
  let i = afterString;
  while (json[i] === " " || json[i] === "\n" || json[i] === "\r" || json[i] === "	") i++;
  return json[i] === ":";
}

// src/files/safetensors-header.ts
var bytesPerStored = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8
};
var largestHeader = 1e8;
var size = z8.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
var entrySchema = z8.strictObject({
  dtype: z8.string(),
  shape: z8.array(size).max(32),
  data_offsets: z8.tuple([size, size])
});
var headerSchema = z8.record(z8.string(), z8.unknown());
function headerLength(start, fileBytes, name) {
  if (start.byteLength < 8 || fileBytes < 8) throw broken(name, `it has ${fileBytes} bytes, too few for a header`);
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > largestHeader || length < 2) throw broken(name, `its header claims ${length} bytes`);
  if (length > fileBytes - 8) throw broken(name, `its header claims ${length} bytes of a file of ${fileBytes}`);
  return length;
}
function parseHeader(json, fileBytes, name) {
  const text2 = decodeUtf8(json, name);
  if (!text2.startsWith("{")) throw broken(name, "its header is not a JSON object");
  const { __metadata__, ...entries } = parseJson(text2, headerSchema, name);
  const twice = duplicateKey(text2);
  if (twice !== void 0) throw broken(name, `its header names ${JSON.stringify(twice)} twice`);
  const dataStart = 8 + json.byteLength;
  const tensors = Object.entries(entries).map(([key, value]) => storedTensor(key, value, dataStart, name));
  checkLayout(tensors, dataStart, fileBytes, name);
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata: textMap(__metadata__, name) };
}
function storedTensor(tensor, value, dataStart, name) {
  const label2 = `${name}: tensor ${JSON.stringify(tensor.slice(0, 100))}`;
  const { dtype, shape, data_offsets } = checkValue(value, entrySchema, label2);
  if (!isStoredDType(dtype)) {
    throw new CheckpointError(
      `${label2}: its type ${JSON.stringify(dtype.slice(0, 20))} is not one of ${Object.keys(bytesPerStored)}; load an unquantized copy, in F32, F16 or BF16`,
      { name, tensor, dtype }
    );
  }
  const [begin, end] = data_offsets;
  const wanted2 = sizeOf(shape) * bytesPerStored[dtype];
  if (!Number.isSafeInteger(wanted2) || end - begin !== wanted2) {
    throw broken(label2, `${dtype} [${shape.join(", ")}] takes ${wanted2} bytes, its offsets [${begin}, ${end}] disagree`);
  }
  return { name: tensor, dtype, shape, byteOffset: dataStart + begin, byteLength: wanted2 };
}
function checkLayout(tensors, dataStart, fileBytes, name) {
  let end = dataStart;
  for (const tensor of tensors.toSorted((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength)) {
    if (tensor.byteOffset !== end) {
      const what = tensor.byteOffset < end ? "overlaps the tensor before it" : "leaves a hole before it";
      throw broken(name, `tensor ${JSON.stringify(tensor.name.slice(0, 100))} ${what}`);
    }
    end += tensor.byteLength;
  }
  if (end > fileBytes) throw broken(name, `it has ${fileBytes} bytes where its header promises ${end}`);
  if (end < fileBytes) throw broken(name, `it has ${fileBytes - end} bytes that belong to no tensor`);
}
function textMap(value, name) {
  return value === void 0 ? {} : checkValue(value, z8.record(z8.string(), z8.string()), `${name}: __metadata__`);
}
function isStoredDType(dtype) {
  return Object.hasOwn(bytesPerStored, dtype);
}
function decodeUtf8(bytes, name) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError(`${name}: its header is not UTF-8; is it a safetensors file?`, { name }, { cause });
  }
}
function broken(name, reason) {
  return new CheckpointError(
    `${name}: ${reason}; the file is truncated, corrupt or no safetensors file: fetch it again`,
    {
      name
    }
  );
}

// src/files/safetensors.ts
function decodeTensor(stored, bytes) {
  const { dtype, data: data2 } = decoders[stored.dtype](aligned(bytes, bytesPerStored[stored.dtype]));
  return { dtype, shape: stored.shape, data: data2 };
}
function toFloat32(tensor) {
  if (tensor.data instanceof Float32Array) return tensor.data;
  if (tensor.dtype === "float16") return float16ToFloat32(tensor.data);
  throw new CheckpointError(`read weights: got ${tensor.dtype}, wanted floats; is this a quantized checkpoint?`);
}
var decoders = {
  BOOL: (bytes) => ({ dtype: "bool", data: bytes }),
  U8: (bytes) => ({ dtype: "uint8", data: bytes }),
  I8: (bytes) => ({ dtype: "int32", data: Int32Array.from(view(Int8Array, bytes)) }),
  I16: (bytes) => ({ dtype: "int32", data: Int32Array.from(view(Int16Array, bytes)) }),
  U16: (bytes) => ({ dtype: "int32", data: Int32Array.from(view(Uint16Array, bytes)) }),
  F16: (bytes) => ({ dtype: "float16", data: view(Uint16Array, bytes) }),
  BF16: (bytes) => ({ dtype: "float32", data: bfloat16ToFloat32(view(Uint16Array, bytes)) }),
  I32: (bytes) => ({ dtype: "int32", data: view(Int32Array, bytes) }),
  U32: (bytes) => ({ dtype: "uint32", data: view(Uint32Array, bytes) }),
  F32: (bytes) => ({ dtype: "float32", data: view(Float32Array, bytes) }),
  F64: (bytes) => ({ dtype: "float32", data: Float32Array.from(view(Float64Array, bytes)) }),
  I64: (bytes) => ({ dtype: "int64", data: view(BigInt64Array, bytes) })
};
function view(Kind, bytes) {
  return new Kind(bytes.buffer, bytes.byteOffset, bytes.byteLength / Kind.BYTES_PER_ELEMENT);
}
function aligned(bytes, alignment2) {
  return bytes.byteOffset % alignment2 === 0 ? bytes : bytes.slice();
}

// src/files/safetensors-file.ts
function versionOf({ ino, size: size7, mtimeMs }) {
  return `${ino} ${size7} ${mtimeMs}`;
}
var pieceBytes = 1 << 20;
var largestRead = 1 << 28;
var indexSchema = z9.object({ weight_map: z9.record(z9.string(), z9.string().regex(/^[^/\\]+\.safetensors$/)) });
async function openSafetensors(path2) {
  const file = await open(path2, "r").catch((cause) => {
    throw fileError("open", path2, cause, CheckpointError);
  });
  try {
    const place = { file: await realpath(path2), version: versionOf(await file.stat()) };
    return reader(file, path2, place, await readHeader(file, path2));
  } catch (cause) {
    await file.close();
    throw fileError("read", path2, cause, CheckpointError);
  }
}
async function openCheckpoint(folder2) {
  const single = join3(folder2, "model.safetensors");
  if (await exists(single)) return openSafetensors(single);
  const index = join3(folder2, "model.safetensors.index.json");
  if (await exists(index)) return openShards(folder2, index);
  throw new CheckpointError(
    `open ${folder2}: found neither model.safetensors nor model.safetensors.index.json; is it a model's folder?`,
    { folder: folder2 }
  );
}
async function openShards(folder2, index) {
  const { weight_map: places } = await readJsonFile(index, indexSchema);
  const shards = /* @__PURE__ */ new Map();
  const close = async () => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  try {
    for (const file of new Set(Object.values(places))) shards.set(file, await openSafetensors(join3(folder2, file)));
    checkListed(shards, places, index);
    const owners = new Map(Object.entries(places).map(([name, file]) => [name, ownerOf(shards, name, file, index)]));
    return {
      tensors: new Map([...owners].map(([name, shard]) => [name, shard.tensors.get(name)])),
      metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)),
      read: async (name) => lookUp(owners, name, index).read(name),
      readFloats: async (name) => lookUp(owners, name, index).readFloats(name),
      floatPieces: (name, room) => lookUp(owners, name, index).floatPieces(name, room),
      placeOf: (name) => lookUp(owners, name, index).placeOf(name),
      close
    };
  } catch (error) {
    await close();
    throw error;
  }
}
function ownerOf(shards, name, file, index) {
  const shard = shards.get(file);
  if (shard?.tensors.has(name)) return shard;
  throw new CheckpointError(
    `${index}: it places ${JSON.stringify(name)} in ${file}, which lacks it; fetch both again`,
    {
      name,
      file
    }
  );
}
function checkListed(shards, places, index) {
  for (const [file, { tensors }] of shards) {
    const name = [...tensors.keys()].find((key) => places[key] !== file);
    if (name === void 0) continue;
    const place = places[name] === void 0 ? "it does not list" : `it places in ${places[name]}`;
    throw new CheckpointError(`${index}: ${file} holds ${JSON.stringify(name)}, which ${place}; fetch both again`, {
      name,
      file
    });
  }
}
async function readHeader(file, path2) {
  const { size: size7 } = await file.stat();
  const length = headerLength(await readExactly(file, 0, Math.min(8, size7), path2), size7, path2);
  return parseHeader(await readExactly(file, 8, length, path2), size7, path2);
}
function reader(file, path2, place, header) {
  return {
    ...header,
    async read(name) {
      const stored = lookUp(header.tensors, name, path2);
      return decodeTensor(stored, await readExactly(file, stored.byteOffset, stored.byteLength, path2));
    },
    async readFloats(name) {
      const stored = floatsOf(header, name, path2);
      if (stored.dtype === "F32") return readFloat32(file, stored, path2);
      const floats2 = new Float32Array(sizeOf(stored.shape));
      let begin = 0;
      for await (const piece of floatPieces(file, stored, path2)) {
        floats2.set(piece, begin);
        begin += piece.length;
      }
      return floats2;
    },
    floatPieces: (name, room) => floatPieces(file, floatsOf(header, name, path2), path2, room),
    placeOf(name) {
      const { byteOffset, byteLength } = lookUp(header.tensors, name, path2);
      return { ...place, byteOffset, byteLength };
    },
    close: () => file.close()
  };
}
var floatTypes = /* @__PURE__ */ new Set(["F32", "F16", "BF16", "F64"]);
function floatsOf({ tensors }, name, path2) {
  const stored = lookUp(tensors, name, path2);
  if (floatTypes.has(stored.dtype)) return stored;
  throw new CheckpointError(
    `${path2}: ${name} is stored as ${stored.dtype}, wanted ${[...floatTypes].join(", ")}; is it a quantized checkpoint? load one that is not`,
    { name, dtype: stored.dtype }
  );
}
async function readFloat32(file, stored, path2) {
  const floats2 = new Float32Array(sizeOf(stored.shape));
  await fill(file, new Uint8Array(floats2.buffer), stored.byteOffset, path2);
  return floats2;
}
async function* floatPieces(file, { dtype, byteOffset, byteLength }, path2, room = new Uint8Array(Math.min(pieceBytes, byteLength))) {
  for (let done = 0; done < byteLength; done += room.length) {
    const bytes = room.subarray(0, byteLength - done);
    await fill(file, bytes, byteOffset + done, path2);
    yield toFloat32(decodeTensor({ dtype, shape: [bytes.length / bytesPerStored[dtype]] }, bytes));
  }
}
function lookUp(map, name, path2) {
  const found = map.get(name);
  if (found !== void 0) return found;
  const some = [...map.keys()].slice(0, 5).join(", ");
  throw new CheckpointError(`${path2}: it has no tensor ${JSON.stringify(name)}; it has ${some}\u2026`, { name, path: path2 });
}
async function readExactly(file, position, length, path2) {
  const bytes = new Uint8Array(length);
  await fill(file, bytes, position, path2);
  return bytes;
}
async function fill(file, bytes, position, path2) {
  for (let done = 0; done < bytes.length; ) {
    const wanted2 = Math.min(bytes.length - done, largestRead);
    const { bytesRead } = await file.read(bytes, done, wanted2, position + done);
    if (bytesRead === 0)
      throw new CheckpointError(`read ${path2}: the file shrank while it was read; is it being written?`);
    done += bytesRead;
  }
}
async function exists(path2) {
  return stat(path2).then(
    () => true,
    (cause) => {
      if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return false;
      throw fileError("open", path2, cause, CheckpointError);
    }
  );
}

// src/graph/tensor.ts
init_errors();
var Tensor = class {
  node;
  index;
  dtype;
  shape;
  constructor(node, index, type) {
    this.node = node;
    this.index = index;
    this.dtype = type.dtype;
    this.shape = type.shape;
  }
  /** Number of dimensions. */
  get rank() {
    return this.shape.length;
  }
};
function apply(operation2, inputs, attributes) {
  const types = operation2.infer(inputs, attributes);
  const outputs = [];
  const node = { operation: operation2, inputs, attributes, outputs };
  for (const [index, type] of types.entries()) outputs.push(new Tensor(node, index, type));
  return outputs;
}
function applyOne(operation2, inputs, attributes) {
  return apply(operation2, inputs, attributes)[0];
}
function inputsFirst(roots, inputsOf = (node) => node.inputs.map((x) => x.node)) {
  const done = /* @__PURE__ */ new Set();
  const pending = roots.toReversed();
  const opened = /* @__PURE__ */ new Set();
  for (let node = pending.at(-1); node; node = pending.at(-1)) {
    const first2 = opened.has(node) ? [] : inputsOf(node).filter((other2) => !done.has(other2));
    opened.add(node);
    if (first2.length > 0) pending.push(...first2.reverse());
    else done.add(pending.pop());
  }
  return done;
}
function staticShape(operation2, shape) {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    throw new ShapeError(`${operation2}: needs known sizes, got ${formatShape(shape)}; bind ${dim} to a number`);
  });
}
function formatShape(shape) {
  return `[${shape.join(", ")}]`;
}
function sameShape(a, b) {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
var placeholder = {
  name: "placeholder",
  infer: (_, { type }) => [type]
};
function input(name, dtype, shape) {
  return applyOne(placeholder, [], { name, type: { dtype, shape } });
}
function inputName(tensor) {
  return tensor.node.operation.name === placeholder.name ? tensor.node.attributes.name : void 0;
}
var literal = {
  name: "constant",
  infer: (_, { value }) => [value],
  lower: (emit, _, { value }) => [emit.constant(value)]
};
function constant(value) {
  return applyOne(literal, [], { value });
}
function scalar(value, dtype = "float32") {
  if (!dtype.startsWith("float") && !Number.isInteger(value))
    throw new ShapeError(
      `scalar: ${value} is not a whole number, wanted one for ${dtype}; cast the other operand first`
    );
  const data2 = dtype === "int64" ? BigInt64Array.of(BigInt(value)) : dtype === "int32" ? Int32Array.of(value) : dtype === "uint32" ? Uint32Array.of(value) : dtype === "bool" || dtype === "uint8" ? Uint8Array.of(value) : Float32Array.of(value);
  if (dtype === "float16") throw new ShapeError("scalar: float16 constants are made by casting a float32 one");
  return constant({ dtype, shape: [], data: data2 });
}
function asTensor(operand, dtype) {
  return typeof operand === "number" ? scalar(operand, dtype) : operand;
}

// src/nn/parameters.ts
init_errors();
var Scope = class _Scope {
  path;
  /** All parameters of the tree, in order of declaration. */
  parameters;
  constructor(path2 = "", parameters = /* @__PURE__ */ new Map()) {
    this.path = path2;
    this.parameters = parameters;
  }
  /** The scope below this one with the given name. */
  child(name) {
    return new _Scope(this.#join(String(name)), this.parameters);
  }
  /** Declares a float32 parameter. Throws {@link ConfigError} for a name that is taken. */
  parameter(name, shape, initializer) {
    return this.#declare(name, { shape, initializer });
  }
  /** Declares a float32 tensor that is saved with the parameters, but measured, not learned. */
  statistic(name, shape, initializer) {
    return this.#declare(name, { shape, initializer, trained: false });
  }
  #declare(name, rest) {
    const full = this.#join(name);
    if (this.parameters.has(full))
      throw new ConfigError(`parameter: ${full} is declared twice; rename one`, { name: full });
    const tensor = input(full, "float32", rest.shape);
    this.parameters.set(full, { name: full, tensor, ...rest });
    return tensor;
  }
  #join(name) {
    return this.path === "" ? name : `${this.path}.${name}`;
  }
};
var pieceLength = 1 << 16;

// src/models/low-rank.ts
init_errors();

// src/graph/operation.ts
var onnxType = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12
};
var quantizedParts = (name) => ({ packed: `${name}.packed`, scales: `${name}.scales` });

// src/graph/shape-rules.ts
init_errors();
function broadcastShapes(operation2, a, b) {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeError(
      `${operation2}: shapes do not broadcast, got ${formatShape(a)} and ${formatShape(b)}; sizes must be equal or 1`
    );
  });
}
function requireSameDtype(operation2, inputs, allowed) {
  const dtype = inputs[0].dtype;
  for (const input2 of inputs) {
    if (input2.dtype !== dtype)
      throw new ShapeError(`${operation2}: dtypes differ, got ${dtype} and ${input2.dtype}; cast one`);
  }
  return requireDtype(operation2, dtype, allowed);
}
function requireDtype(operation2, dtype, allowed) {
  if (allowed && !allowed.includes(dtype))
    throw new ShapeError(`${operation2}: got ${dtype}, wanted ${allowed.join(" or ")}; cast first`);
  return dtype;
}
function requireRank(operation2, what, type, rank) {
  if (type.shape.length !== rank)
    throw new ShapeError(
      `${operation2}: ${what} must have ${rank} dimensions, got ${formatShape(type.shape)}; reshape it`
    );
  return type.shape;
}
function normalizeAxis(operation2, axis, rank) {
  const front = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || front < 0 || front >= rank)
    throw new ShapeError(`${operation2}: axis ${axis} is out of range for ${rank} dimensions`);
  return front;
}
function normalizeAxes(operation2, axes, rank) {
  if (!axes) return Array.from({ length: rank }, (_, i) => i);
  return [...new Set(axes.map((axis) => normalizeAxis(operation2, axis, rank)))].sort((a, b) => a - b);
}
var floats = ["float32", "float16"];
var integers = ["int32", "int64", "uint32"];

// src/graph/operations/compare.ts
init_errors();

// src/graph/operations/shape.ts
init_errors();
var reshapeRow = {
  name: "reshape",
  infer: ([x], { shape }) => {
    if (!isReshaped(x.shape, shape))
      throw new ShapeError(
        `reshape: ${formatShape(x.shape)} does not have as many elements as ${formatShape(shape)}; check the sizes`
      );
    return [{ dtype: x.dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [g]) => [reshape(g, x.shape)],
  lower: (emit, [x], { shape }, node) => {
    const unknown = shape.filter((dim) => typeof dim === "string");
    const from = node.inputs[0].shape;
    const sizes = shape.map((dim, i) => typeof dim === "number" ? dim : from[i] === dim ? 0 : -1);
    if (sizes.filter((size7) => size7 === -1).length > 1)
      throw new ShapeError(
        `reshape: cannot infer ${unknown.join(" and ")} of ${formatShape(shape)}; keep all but one in place`
      );
    return emit.node("Reshape", [x, emit.ints(sizes)]);
  }
};
function isReshaped(from, to) {
  const fresh = to.filter((dim) => typeof dim === "string" && !from.includes(dim));
  if (fresh.length !== 1) return elements(from) === elements(to);
  const names = to.filter((dim) => typeof dim === "string" && dim !== fresh[0]);
  return new Set(names).size === names.length && numbers(from) % numbers(to) === 0;
}
function numbers(shape) {
  return shape.reduce((product2, dim) => typeof dim === "number" ? product2 * dim : product2, 1);
}
function elements(shape) {
  return [numbers(shape), ...shape.filter((dim) => typeof dim === "string").sort()].join("\xB7");
}
var transposeRow = {
  name: "transpose",
  infer: ([x], { permutation }) => {
    if (permutation.length !== x.shape.length || x.shape.some((_, axis) => !permutation.includes(axis)))
      throw new ShapeError(`transpose: [${permutation}] does not permute the axes of ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]) }];
  },
  gradient: ({ attributes: { permutation } }, [g]) => [
    transpose(
      g,
      permutation.map((_, axis) => permutation.indexOf(axis))
    )
  ],
  lower: (emit, inputs, { permutation }) => emit.node("Transpose", inputs, { perm: { ints: permutation } })
};
var broadcastRow = {
  name: "broadcastTo",
  infer: ([x], { shape }) => {
    const known2 = shape.every(
      (dim, i) => typeof dim === "number" || dim === x.shape[x.shape.length - shape.length + i]
    );
    if (!known2 || !sameShape(broadcastShapes("broadcastTo", x.shape, shape), shape))
      throw new ShapeError(`broadcastTo: ${formatShape(x.shape)} does not stretch to ${formatShape(shape)}`);
    return [{ dtype: x.dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [g]) => [sumTo(g, x.shape)],
  lower: (emit, [x], { shape }) => emit.node("Expand", [x, emit.ints(shape.map((dim) => typeof dim === "number" ? dim : 1))])
};
var concatRow = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const first2 = inputs[0];
    for (const { shape } of inputs)
      if (!sameShape(shape.toSpliced(axis, 1), first2.shape.toSpliced(axis, 1)))
        throw new ShapeError(
          `concat: ${formatShape(shape)} and ${formatShape(first2.shape)} must agree on every axis but ${axis}`
        );
    const total2 = inputs.reduce((size7, { shape }) => size7 + knownSize("concat", shape, axis), 0);
    return [{ dtype: requireSameDtype("concat", inputs), shape: first2.shape.with(axis, total2) }];
  },
  gradient: ({ inputs, attributes: { axis } }, [g]) => {
    let begin = 0;
    return inputs.map((x) => {
      const size7 = Number(x.shape[axis]);
      begin += size7;
      return slice(g, axis, begin - size7, begin);
    });
  },
  lower: (emit, inputs, { axis }) => emit.node("Concat", inputs, { axis: { int: axis } })
};
function knownSize(operation2, shape, axis) {
  return staticShape(operation2, [shape[axis]])[0];
}
var sliceRow = {
  name: "slice",
  infer: ([x], { axis, begin, end }) => {
    const size7 = x.shape[axis];
    if (!(begin >= 0 && begin < end && (typeof size7 === "string" || end <= size7)))
      throw new ShapeError(`slice: [${begin}, ${end}) is not a part of axis ${axis} of ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: x.shape.with(axis, end - begin) }];
  },
  gradient: ({ inputs: [x], attributes: { axis, begin, end } }, [g]) => [
    pad(g, axis, begin, Number(x.shape[axis]) - end)
  ],
  lower: (emit, [x], { axis, begin, end }) => emit.node("Slice", [x, emit.ints([begin]), emit.ints([end]), emit.ints([axis])])
};
var splitRow = {
  name: "split",
  infer: ([x], { axis, sizes }) => {
    const total2 = sizes.reduce((sum2, size7) => sum2 + size7, 0);
    if (x.shape[axis] !== total2)
      throw new ShapeError(`split: sizes [${sizes}] add up to ${total2}, axis ${axis} has ${x.shape[axis]}`);
    return sizes.map((size7) => ({ dtype: x.dtype, shape: x.shape.with(axis, size7) }));
  },
  gradient: ({ outputs, attributes: { axis } }, cotangents) => [
    concat(
      outputs.map((part, i) => cotangents[i] ?? broadcastTo(scalar(0, part.dtype), part.shape)),
      axis
    )
  ],
  lower: (emit, [x], { axis, sizes }) => emit.node("Split", [x, emit.ints(sizes)], { axis: { int: axis } }, { outputs: sizes.length })
};
var lastRow = {
  name: "last",
  infer: ([x], { axis }) => [{ dtype: x.dtype, shape: x.shape.with(axis, 1) }],
  gradient: ({ inputs: [x], attributes: { axis } }, [g]) => [pad(g, axis, Number(x.shape[axis]) - 1, 0)],
  lower: (emit, [x], { axis }) => emit.node("Slice", [x, emit.ints([-1]), emit.ints([Number.MAX_SAFE_INTEGER]), emit.ints([axis])])
};
var padRow = {
  name: "pad",
  infer: ([x], { axis, before, after }) => [
    { dtype: x.dtype, shape: x.shape.with(axis, knownSize("pad", x.shape, axis) + before + after) }
  ],
  gradient: ({ inputs: [x], attributes: { axis, before } }, [g]) => [
    slice(g, axis, before, before + Number(x.shape[axis]))
  ],
  lower: (emit, [x], { axis, before, after }) => emit.node("Pad", [x, emit.ints([before, after]), "", emit.ints([axis])])
};
function reshape(x, shape) {
  const inferred = shape.includes(-1) ? shape.with(shape.indexOf(-1), missingSize(x.shape, shape)) : shape;
  return sameShape(x.shape, inferred) ? x : applyOne(reshapeRow, [x], { shape: inferred });
}
function missingSize(from, to) {
  const product2 = (shape) => shape.reduce((size8, dim) => size8 * Number(dim), 1);
  const size7 = product2(from) / -product2(to);
  if (Number.isInteger(size7) && size7 > 0) return size7;
  throw new ShapeError(`reshape: no size for \u22121 makes ${formatShape(to)} out of ${formatShape(from)}`);
}
function transpose(x, permutation = x.shape.map((_, i) => x.rank - 1 - i)) {
  return applyOne(transposeRow, [x], { permutation });
}
function broadcastTo(x, shape) {
  return sameShape(x.shape, shape) ? x : applyOne(broadcastRow, [x], { shape });
}
function concat(inputs, axis) {
  const [first2] = inputs;
  if (!first2) throw new ShapeError("concat: needs at least one tensor, got none");
  return inputs.length === 1 ? first2 : applyOne(concatRow, inputs, { axis: normalizeAxis("concat", axis, first2.rank) });
}
function slice(x, axis, begin, end) {
  const front = normalizeAxis("slice", axis, x.rank);
  return begin === 0 && end === x.shape[front] ? x : applyOne(sliceRow, [x], { axis: front, begin, end });
}
function last(x, axis) {
  return applyOne(lastRow, [x], { axis: normalizeAxis("last", axis, x.rank) });
}
function pad(x, axis, before, after) {
  if (before === 0 && after === 0) return x;
  return applyOne(padRow, [x], { axis: normalizeAxis("pad", axis, x.rank), before, after });
}
function split(x, axis, sizes) {
  return sizes.length === 1 ? [x] : apply(splitRow, [x], { axis: normalizeAxis("split", axis, x.rank), sizes });
}

// src/graph/operations/reduce.ts
function reducedShape({ shape }, { axes, keepDims }) {
  return keepDims ? shape.map((dim, i) => axes.includes(i) ? 1 : dim) : shape.filter((_, i) => !axes.includes(i));
}
var keep = ({ keepDims }) => ({ int: keepDims ? 1 : 0 });
function spread(g, { axes }, shape) {
  const kept = shape.map((dim, i) => axes.includes(i) ? 1 : dim);
  return broadcastTo(reshape(g, kept), shape);
}
var sumRow = {
  name: "sum",
  infer: ([x], attributes) => [
    { dtype: requireDtype("sum", x.dtype, [...floats, "int32", "int64"]), shape: reducedShape(x, attributes) }
  ],
  gradient: ({ inputs: [x], attributes }, [g]) => [spread(g, attributes, x.shape)],
  lower: (emit, [x], attributes) => emit.node("ReduceSum", [x, emit.ints(attributes.axes)], { keepdims: keep(attributes) })
};
var meanRow = {
  name: "mean",
  infer: ([x], attributes) => [{ dtype: requireDtype("mean", x.dtype, floats), shape: reducedShape(x, attributes) }],
  gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => {
    const size7 = (shape) => shape.reduce((product2, dim) => product2 * Number(dim), 1);
    return [spread(mul(g, size7(y.shape) / size7(x.shape)), attributes, x.shape)];
  },
  lower: (emit, [x], attributes) => emit.node("ReduceMean", [x, emit.ints(attributes.axes)], { keepdims: keep(attributes) })
};
var maxRow = {
  name: "max",
  infer: ([x], attributes) => [{ dtype: requireDtype("max", x.dtype, floats), shape: reducedShape(x, attributes) }],
  gradient: ({ inputs: [x], outputs: [y], attributes }, [g]) => {
    const mask2 = cast(equal(x, spread(y, attributes, x.shape)), x.dtype);
    const ties = sum(mask2, { axes: attributes.axes, keepDims: true });
    return [mul(div(mask2, ties), spread(g, attributes, x.shape))];
  },
  lower: (emit, [x], attributes) => emit.node("ReduceMax", [x, emit.ints(attributes.axes)], { keepdims: keep(attributes) })
};
var sum = (x, options) => reduce(sumRow, x, options);
var mean = (x, options) => reduce(meanRow, x, options);
var max = (x, options) => reduce(maxRow, x, options);
function reduce(row, x, { axes, keepDims = false } = {}) {
  const normalized = normalizeAxes(row.name, axes, x.rank);
  return normalized.length === 0 ? x : applyOne(row, [x], { axes: normalized, keepDims });
}
function sumTo(g, shape) {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, i) => i < lead || shape[i - lead] === 1 && dim !== 1 ? [i] : []);
  return reshape(sum(g, { axes }), shape);
}

// src/graph/operations/compare.ts
function comparison(name, type, dtypes2) {
  return {
    name,
    infer: ([x, y]) => {
      requireSameDtype(name, [x, y], dtypes2);
      return [{ dtype: "bool", shape: broadcastShapes(name, x.shape, y.shape) }];
    },
    gradient: () => [void 0, void 0],
    lower: (emit, inputs) => emit.node(type, inputs)
  };
}
function bitwise(name, type, dtype, attributes) {
  return {
    name,
    infer: (inputs) => [
      {
        dtype: requireDtype(name, requireSameDtype(name, inputs), [dtype]),
        shape: inputs.map((x) => x.shape).reduce((a, b) => broadcastShapes(name, a, b))
      }
    ],
    gradient: ({ inputs }) => inputs.map(() => void 0),
    lower: (emit, inputs) => emit.node(type, inputs, attributes)
  };
}
var ordered = [...floats, ...integers, "uint8"];
var equalRow = comparison("equal", "Equal", [...ordered, "bool"]);
var lessRow = comparison("less", "Less", ordered);
var greaterRow = comparison("greater", "Greater", ordered);
var logicalNotRow = bitwise("logicalNot", "Not", "bool");
var logicalAndRow = bitwise("logicalAnd", "And", "bool");
var logicalOrRow = bitwise("logicalOr", "Or", "bool");
var bitXorRow = bitwise("bitXor", "BitwiseXor", "uint32");
var bitOrRow = bitwise("bitOr", "BitwiseOr", "uint32");
var bitAndRow = bitwise("bitAnd", "BitwiseAnd", "uint32");
var shiftLeftRow = bitwise("shiftLeft", "BitShift", "uint32", { direction: { string: "LEFT" } });
var shiftRightRow = bitwise("shiftRight", "BitShift", "uint32", { direction: { string: "RIGHT" } });
var whereRow = {
  name: "where",
  infer: ([condition, x, y]) => {
    if (condition.dtype !== "bool")
      throw new ShapeError(
        `where: the condition is ${condition.dtype} ${formatShape(condition.shape)}, wanted bool; compare first`
      );
    const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", x.shape, y.shape));
    return [{ dtype: requireSameDtype("where", [x, y], [...floats, "int32", "int64", "uint8"]), shape }];
  },
  gradient: ({ inputs: [condition, x, y] }, [g]) => [
    void 0,
    sumTo(where(condition, g, 0), x.shape),
    sumTo(where(condition, 0, g), y.shape)
  ],
  lower: (emit, inputs) => emit.node("Where", inputs)
};
var equal = (x, y) => pair(equalRow, x, y);
var less = (x, y) => pair(lessRow, x, y);
var greater = (x, y) => pair(greaterRow, x, y);
var bitAnd = (x, y) => pair(bitAndRow, x, y);
var shiftRight = (x, n2) => pair(shiftRightRow, x, n2);
function where(condition, x, y) {
  const dtype = typeof x !== "number" ? x.dtype : typeof y !== "number" ? y.dtype : "float32";
  return applyOne(whereRow, [condition, asTensor(x, dtype), asTensor(y, dtype)], {});
}
function pair(row, x, y) {
  const dtype = typeof x !== "number" ? x.dtype : typeof y !== "number" ? y.dtype : "float32";
  return applyOne(row, [asTensor(x, dtype), asTensor(y, dtype)], {});
}

// src/graph/operations/elementwise.ts
function unary(name, type, derivative) {
  return {
    name,
    infer: ([x]) => [{ dtype: requireDtype(name, x.dtype, floats), shape: x.shape }],
    gradient: ({ inputs: [x], outputs: [y] }, [g]) => [mul(g, derivative(x, y))],
    lower: (emit, inputs) => emit.node(type, inputs)
  };
}
function binary(name, type, partials, dtypes2 = [...floats, ...integers]) {
  return {
    name,
    infer: ([x, y]) => [
      { dtype: requireSameDtype(name, [x, y], dtypes2), shape: broadcastShapes(name, x.shape, y.shape) }
    ],
    gradient: ({ inputs: [x, y], outputs: [z19] }, [g]) => {
      const [gx, gy] = partials(x, y, z19, g);
      return [sumTo(gx, x.shape), sumTo(gy, y.shape)];
    },
    lower: (emit, inputs, _, node) => lowerBinary(emit, type, inputs, node.outputs[0].dtype)
  };
}
function lowerBinary(emit, type, inputs, dtype) {
  if (dtype !== "uint32") return emit.node(type, inputs);
  const through = { to: { int: type === "Div" ? onnxType.int64 : onnxType.int32 } };
  const signed = inputs.map((x) => emit.node("Cast", [x], through)[0]);
  return emit.node("Cast", emit.node(type, signed), { to: { int: onnxType.uint32 } });
}
var negRow = unary("neg", "Neg", () => -1);
var expRow = unary("exp", "Exp", (_, y) => y);
var logRow = unary("log", "Log", (x) => reciprocal(x));
var sqrtRow = unary("sqrt", "Sqrt", (_, y) => div(0.5, y));
var reciprocalRow = unary("reciprocal", "Reciprocal", (_, y) => neg(mul(y, y)));
var tanhRow = unary("tanh", "Tanh", (_, y) => sub(1, mul(y, y)));
var sigmoidRow = unary("sigmoid", "Sigmoid", (_, y) => mul(y, sub(1, y)));
var erfRow = unary("erf", "Erf", (x) => mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)));
var absRow = unary("abs", "Abs", (x) => sign(x));
var sinRow = unary("sin", "Sin", (x) => cos(x));
var cosRow = unary("cos", "Cos", (x) => neg(sin(x)));
var softplusRow = unary("softplus", "Softplus", (x) => sigmoid(x));
var reluRow = unary("relu", "Relu", (_, y) => applyOne(leakySlopeRow, [y], { slope: 0 }));
var signRow = {
  name: "sign",
  infer: ([x]) => [{ dtype: requireDtype("sign", x.dtype, floats), shape: x.shape }],
  gradient: () => [void 0],
  lower: (emit, inputs) => emit.node("Sign", inputs)
};
var addRow = binary("add", "Add", (_x, _y, _z, g) => [g, g]);
var subRow = binary("sub", "Sub", (_x, _y, _z, g) => [g, neg(g)]);
var mulRow = binary("mul", "Mul", (x, y, _z, g) => [mul(g, y), mul(g, x)]);
var divRow = binary("div", "Div", (_x, y, z19, g) => [div(g, y), neg(div(mul(g, z19), y))]);
var powRow = binary("pow", "Pow", (x, y, z19, g) => [mul(g, mul(y, pow(x, sub(y, 1)))), mul(g, mul(z19, log(x)))], floats);
var maximumRow = binary("maximum", "Max", (x, y, z19, g) => chosen(x, y, z19, g), floats);
var minimumRow = binary("minimum", "Min", (x, y, z19, g) => chosen(x, y, z19, g), floats);
function chosen(x, y, z19, g) {
  const [ofX, ofY] = [x, y].map((operand) => cast(equal(operand, z19), g.dtype));
  const share = div(g, add(ofX, ofY));
  return [mul(share, ofX), mul(share, ofY)];
}
var castRow = {
  name: "cast",
  infer: ([x], { to }) => [{ dtype: to, shape: x.shape }],
  gradient: ({ inputs: [x], attributes }, [g]) => [
    floats.includes(x.dtype) && floats.includes(attributes.to) ? cast(g, x.dtype) : void 0
  ],
  lower: (emit, inputs, { to }) => emit.node("Cast", inputs, { to: { int: onnxType[to] } })
};
var siluRow = {
  name: "silu",
  infer: ([x]) => [{ dtype: requireDtype("silu", x.dtype, floats), shape: x.shape }],
  decompose: ([x]) => [mul(x, sigmoid(x))],
  gradient: ({ inputs: [x], outputs: [y] }, [g]) => {
    const s = sigmoid(x);
    return [mul(g, add(s, mul(y, sub(1, s))))];
  },
  lower: (emit, inputs) => emit.provider === "cpu" ? emit.node("QuickGelu", inputs, { alpha: { float: 1 } }, { domain: "com.microsoft" }) : void 0
};
var geluRow = {
  name: "gelu",
  infer: ([x]) => [{ dtype: requireDtype("gelu", x.dtype, floats), shape: x.shape }],
  decompose: ([x], { approximate }) => {
    const z19 = approximate ? tanh(mul(Math.sqrt(2 / Math.PI), mul(x, add(1, mul(0.044715, mul(x, x)))))) : erf(mul(x, Math.SQRT1_2));
    return [mul(mul(x, 0.5), add(z19, 1))];
  },
  lower: (emit, inputs, { approximate }) => {
    if (emit.provider !== "cpu") return void 0;
    return emit.node(approximate ? "FastGelu" : "Gelu", inputs, {}, { domain: "com.microsoft" });
  }
};
var leakySlopeRow = {
  name: "leakySlope",
  infer: ([x]) => [{ dtype: requireDtype("leakySlope", x.dtype, floats), shape: x.shape }],
  decompose: ([x], { slope }) => [where(greater(x, 0), asTensor(1, x.dtype), slope)],
  gradient: () => [void 0],
  // Clipping a steep line takes a third of the time of comparing and choosing (docs/log.md).
  lower: (emit, [x], { slope }, node) => {
    if (emit.provider !== "cpu" || node.outputs[0].dtype !== "float32" || slope > 1) return void 0;
    const number3 = (value) => emit.constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
    const [steep] = emit.node("Mul", [x, number3(3e38)]);
    return emit.node("Clip", [steep, number3(slope), number3(1)]);
  }
};
var neg = (x) => applyOne(negRow, [x], {});
var exp = (x) => applyOne(expRow, [x], {});
var log = (x) => applyOne(logRow, [x], {});
var sqrt = (x) => applyOne(sqrtRow, [x], {});
var reciprocal = (x) => applyOne(reciprocalRow, [x], {});
var tanh = (x) => applyOne(tanhRow, [x], {});
var sigmoid = (x) => applyOne(sigmoidRow, [x], {});
var erf = (x) => applyOne(erfRow, [x], {});
var sign = (x) => applyOne(signRow, [x], {});
var sin = (x) => applyOne(sinRow, [x], {});
var cos = (x) => applyOne(cosRow, [x], {});
var relu = (x) => applyOne(reluRow, [x], {});
var silu = (x) => applyOne(siluRow, [x], {});
var gelu = (x, approximate = false) => applyOne(geluRow, [x], { approximate });
var cast = (x, to) => x.dtype === to ? x : applyOne(castRow, [x], { to });
var add = (x, y) => applyBinary(addRow, x, y);
var sub = (x, y) => applyBinary(subRow, x, y);
var mul = (x, y) => applyBinary(mulRow, x, y);
var div = (x, y) => applyBinary(divRow, x, y);
var pow = (x, y) => applyBinary(powRow, x, y);
var maximum = (x, y) => applyBinary(maximumRow, x, y);
var minimum = (x, y) => applyBinary(minimumRow, x, y);
function applyBinary(row, x, y) {
  const dtype = typeof x !== "number" ? x.dtype : typeof y !== "number" ? y.dtype : "float32";
  return applyOne(row, [asTensor(x, dtype), asTensor(y, dtype)], {});
}

// src/graph/operations/matmul.ts
init_errors();
function rowsAndColumns(shape, transposed) {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}
var matmulRow = {
  name: "matmul",
  infer: ([a, b], { transposeA, transposeB }) => {
    const shapes = `${formatShape(a.shape)}${transposeA ? "\u1D40" : ""} \xD7 ${formatShape(b.shape)}${transposeB ? "\u1D40" : ""}`;
    if (a.shape.length < 2 || b.shape.length < 2)
      throw new ShapeError(`matmul: both sides need 2 or more dimensions, got ${shapes}; reshape first`);
    const [m, inner] = rowsAndColumns(a.shape, transposeA);
    const [k, n2] = rowsAndColumns(b.shape, transposeB);
    if (inner !== k) throw new ShapeError(`matmul: inner sizes differ, got ${shapes}; transpose the second?`);
    const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [{ dtype: requireSameDtype("matmul", [a, b], floats), shape: [...batch, m, n2] }];
  },
  gradient: ({ inputs: [a, b], attributes }, [g]) => {
    const { transposeA, transposeB, alpha } = attributes;
    const ga = transposeA ? product(b, g, { transposeA: transposeB, transposeB: true, alpha }) : product(g, b, { transposeA: false, transposeB: !transposeB, alpha });
    return [sumTo(ga, a.shape), gradientOfB(a, b, g, attributes)];
  },
  takesFewBits: (index, { transposeA, transposeB, alpha }) => index === 1 && !transposeA && transposeB && alpha === 1,
  lower: (emit, inputs, attributes, node) => lowerMatmul(emit, inputs, attributes, node.inputs)
};
function gradientOfB(a, b, g, { transposeA, transposeB, alpha }) {
  const shared3 = b.rank === 2 && !transposeA;
  const [x, y] = shared3 && a.rank > 2 ? [flatten(a), flatten(g)] : [a, g];
  const left = transposeB ? y : x;
  const right = transposeB ? x : y;
  const flags = transposeB ? { transposeA: true, transposeB: transposeA } : { transposeA: !transposeA, transposeB: false };
  const [rows, columns] = b.shape.slice(-2);
  if (!shared3 || rows <= columns) return sumTo(product(left, right, { ...flags, alpha }), b.shape);
  return transpose(product(right, left, { transposeA: !flags.transposeB, transposeB: !flags.transposeA, alpha }));
}
function flatten(x) {
  return reshape(x, [-1, x.shape.at(-1)]);
}
function lowerMatmul(emit, inputs, { transposeA, transposeB, alpha }, operands) {
  const format = emit.quantized(inputs[1]);
  if (format) return lowerQuantized(emit, inputs, { transposeA, transposeB, alpha }, operands[1], format);
  if (!transposeA && !transposeB && alpha === 1) return emit.node("MatMul", inputs);
  if (emit.provider === "cpu") {
    const flag = (on) => ({ int: on ? 1 : 0 });
    const attributes = { transA: flag(transposeA), transB: flag(transposeB), alpha: { float: alpha } };
    return emit.node("FusedMatMul", inputs, attributes, { domain: "com.microsoft" });
  }
  const plain3 = inputs.map((name, i) => {
    if (!(i === 0 ? transposeA : transposeB)) return name;
    const rank = operands[i].rank;
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    return emit.node("Transpose", [name], { perm: { ints: [...axes.slice(0, -2), rank - 1, rank - 2] } })[0];
  });
  const result = emit.node("MatMul", plain3);
  if (alpha === 1) return result;
  return emit.node("Mul", [result[0], emit.constant({ dtype: "float32", shape: [], data: Float32Array.of(alpha) })]);
}
function lowerQuantized(emit, [x, w], { transposeA, transposeB, alpha }, { shape }, { bits, blockSize: blockSize2 }) {
  if (!matmulRow.takesFewBits(1, { transposeA, transposeB, alpha }))
    throw new ConfigError(`matmul: ${w} is quantized, which serves x \xB7 W\u1D40 alone; leave it as it is`, { name: w });
  const { packed, scales } = quantizedParts(w);
  const [n2, k] = shape;
  const attributes = { K: k, N: n2, bits, block_size: blockSize2, accuracy_level: 4 };
  return emit.node(
    "MatMulNBits",
    [x, packed, scales],
    Object.fromEntries(Object.entries(attributes).map(([name, int]) => [name, { int }])),
    { domain: "com.microsoft" }
  );
}
function product(a, b, attributes) {
  return applyOne(matmulRow, [a, b], attributes);
}
function matmul(a, b, options = {}) {
  return product(a, b, { transposeA: false, transposeB: false, alpha: 1, ...options });
}
function linear(x, weight, bias) {
  const y = matmul(x, weight, { transposeB: true });
  return bias ? add(y, bias) : y;
}
function sidesOfMatrix({ operation: operation2, inputs: [, w], attributes }) {
  const { transposeA, transposeB, alpha } = attributes;
  if (operation2.name !== matmulRow.name || transposeA || alpha !== 1 || w.rank !== 2) return void 0;
  const [inputs, outputs] = rowsAndColumns(w.shape, transposeB);
  return { inputs, outputs, transposed: transposeB };
}

// src/nn/random-bits.ts
init_errors();
init_dtype();

// src/graph/operations/indexing.ts
init_errors();
function requireIndices(operation2, ids2) {
  requireDtype(operation2, ids2.dtype, ["int32", "int64"]);
}
var gatherRow = {
  name: "gather",
  infer: ([table, ids2]) => {
    requireIndices("gather", ids2);
    return [{ dtype: table.dtype, shape: [...ids2.shape, ...table.shape.slice(1)] }];
  },
  gradient: ({ inputs: [table, ids2] }, [g]) => {
    requireRank("gather", "a table that is differentiated", table, 2);
    const [rows, width] = table.shape;
    return [scatterAdd(reshape(g, [-1, width]), reshape(ids2, [-1]), rows), void 0];
  },
  takesFewBits: (index) => index === 0,
  lower: (emit, inputs, _, node) => {
    const format = emit.quantized(inputs[0]);
    return format ? gatherQuantized(emit, inputs, node.inputs[0], format) : emit.node("Gather", inputs, { axis: { int: 0 } });
  }
};
function gatherQuantized(emit, [table, ids2], { shape }, { bits, blockSize: blockSize2 }) {
  const { packed, scales } = quantizedParts(table);
  const [rows, width] = shape;
  const [flat] = emit.node("Reshape", [packed, emit.ints([rows, width * bits / 8])]);
  const attributes = { bits: { int: bits }, block_size: { int: blockSize2 }, quantize_axis: { int: 1 } };
  return emit.node("GatherBlockQuantized", [flat, ids2, scales], attributes, { domain: "com.microsoft" });
}
var oneHotLimit = 512;
var scatterAddRow = {
  name: "scatterAdd",
  infer: ([updates, ids2], { rows }) => {
    requireIndices("scatterAdd", ids2);
    requireDtype("scatterAdd", updates.dtype, floats);
    const [n2, width] = requireRank("scatterAdd", "the updates", updates, 2);
    if (ids2.shape.length !== 1 || ids2.shape[0] !== n2)
      throw new ShapeError(`scatterAdd: ids ${formatShape(ids2.shape)} must be [${n2}], one a row of the updates`);
    return [{ dtype: updates.dtype, shape: [rows, width] }];
  },
  gradient: ({ inputs: [, ids2] }, [g]) => [gather(g, ids2), void 0],
  decompose: ([updates, ids2], { rows }) => [matmul(oneHot(ids2, rows, updates.dtype), updates, { transposeA: true })],
  lower: (emit, [updates, ids2], { rows }, node) => {
    if (rows <= oneHotLimit) return void 0;
    const [n2, width] = node.inputs[0].shape;
    const zeros = emit.node("Expand", [
      emit.constant({ dtype: "float32", shape: [], data: new Float32Array(1) }),
      emit.ints([rows, width])
    ]);
    const column = emit.node("Reshape", [ids2, emit.ints([n2, 1])]);
    const indices = emit.node("Expand", [column[0], emit.ints([n2, width])]);
    const attributes = { axis: { int: 0 }, reduction: { string: "add" } };
    return emit.node("ScatterElements", [zeros[0], indices[0], updates], attributes);
  }
};
var gather = (table, ids2) => applyOne(gatherRow, [table, ids2], {});
var scatterAdd = (updates, ids2, rows) => applyOne(scatterAddRow, [updates, ids2], { rows });
function iota(length, dtype = "int32") {
  const numbers3 = Array.from({ length }, (_, i) => i);
  const data2 = dtype === "int64" ? BigInt64Array.from(numbers3, BigInt) : dtype === "int32" ? Int32Array.from(numbers3) : Uint32Array.from(numbers3);
  return constant({ dtype, shape: [length], data: data2 });
}
function oneHot(ids2, depth, dtype = "float32") {
  const column = reshape(ids2, [...ids2.shape, 1]);
  return cast(equal(column, iota(depth, ids2.dtype === "int64" ? "int64" : "int32")), dtype);
}

// src/nn/random-bits.ts
function dropout(x, rate, key) {
  if (rate === 0) return x;
  if (!(rate > 0 && rate < 1)) throw new ConfigError(`dropout: got rate ${rate}, wanted 0 up to but not 1`);
  if (!key) throw new ConfigError("dropout: needs a random key; pass the step\u2019s key, or rate 0 for inference");
  const shape = staticShape("dropout", x.shape);
  const size7 = sizeOf(shape);
  const words3 = key.bits(Math.ceil(size7 / 8));
  const bytes = concat(
    [0, 8, 16, 24].map((bit) => bitAnd(shiftRight(words3, bit), 255)),
    0
  );
  const threshold = Math.max(1, Math.min(255, Math.round((1 - rate) * 256)));
  const kept = less(cast(reshape(slice(bytes, 0, 0, size7), shape), "int32"), threshold);
  return where(kept, mul(x, 256 / threshold), 0);
}

// src/models/low-rank.ts
function adapterNames(target) {
  const module = `base_model.model.${target.replace(/\.weight$/, "")}`;
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
}
var LowRankAdapters = class {
  /** A and B of each target. */
  scope = new Scope();
  #lora;
  /** Places of the targets, which name their dropout. */
  #indices;
  /** Products that have their share already, in graphs that others are built on. */
  #done = /* @__PURE__ */ new WeakSet();
  /** Throws {@link ConfigError} for a rank or a dropout out of range, and for targets that are none of the matrices. */
  constructor(matrices, lora) {
    const { rank, dropout: rate } = lora;
    if (!Number.isInteger(rank) || rank < 1)
      throw new ConfigError(`lora: rank is ${rank}, wanted a whole number from 1`);
    if (!(rate >= 0 && rate < 1)) throw new ConfigError(`lora: dropout is ${rate}, wanted 0 up to but not 1`);
    this.#lora = lora;
    for (const target of lora.targets) this.#declare(target, matrices.get(target));
    this.#indices = new Map(lora.targets.map((target, i) => [target, i]));
  }
  /** The same tensors of a graph in which each product with a target has its adapters' share added. */
  adapt(plain3, key) {
    const changed = /* @__PURE__ */ new Map();
    const now = ({ node, index }) => (changed.get(node) ?? node.outputs)[index];
    for (const node of inputsFirst(plain3.map((tensor) => tensor.node))) {
      const inputs = node.inputs.map(now);
      const isSame = inputs.every((tensor, i) => tensor === node.inputs[i]);
      const target = this.#done.has(node) ? void 0 : targetOf(node);
      const outputs = isSame ? node.outputs : apply(node.operation, inputs, node.attributes);
      if (target !== void 0 && this.#indices.has(target)) {
        this.#done.add(outputs[0].node);
        changed.set(node, [add(outputs[0], this.#share(target, inputs[0], key))]);
      } else if (!isSame) changed.set(node, outputs);
    }
    return plain3.map(now);
  }
  #declare(target, sides) {
    if (!sides)
      throw new ConfigError(`lora: ${target} is no matrix that the model multiplies by; name a linear layer`, {
        target
      });
    const { rank } = this.#lora;
    const { a, b } = adapterNames(target);
    this.scope.parameter(a, [rank, sides.inputs], { kind: "normal", deviation: 1 / Math.sqrt(3 * sides.inputs) });
    this.scope.parameter(b, [sides.outputs, rank], { kind: "zeros" });
  }
  /** s · (x · Aᵀ) · Bᵀ. */
  #share(target, x, key) {
    const { a, b } = adapterNames(target);
    const matrix = (name) => this.scope.parameters.get(name).tensor;
    const { dropout: rate, scale } = this.#lora;
    const seen = key ? dropout(x, rate, key.split(`lora${this.#indices.get(target)}`)) : x;
    return mul(linear(linear(seen, matrix(a)), matrix(b)), scale);
  }
};
function targetOf(node) {
  return sidesOfMatrix(node) ? inputName(node.inputs[1]) : void 0;
}
function matricesIn(graph) {
  const nodes = [...inputsFirst([graph.node])];
  return new Map(
    nodes.flatMap((node) => {
      const target = targetOf(node);
      return target === void 0 ? [] : [[target, sidesOfMatrix(node)]];
    })
  );
}

// src/models/lora.ts
var LoraModel = class {
  peftTask = "CAUSAL_LM";
  scope;
  dimensions;
  config;
  base;
  lora;
  adapters;
  matrices;
  #lowRank;
  /** Throws what {@link LowRankAdapters} throws. */
  constructor(base, lora) {
    this.base = base;
    this.lora = lora;
    this.dimensions = base.dimensions;
    this.config = base.config;
    this.matrices = matricesOf("causal", base);
    this.#lowRank = new LowRankAdapters(this.matrices, lora);
    this.adapters = this.#lowRank.scope;
    this.scope = joined(base.scope, this.adapters);
  }
  logits(ids2, key) {
    return this.#lowRank.adapt([this.base.logits(ids2, key)], key)[0];
  }
  decode(input2) {
    return adaptedOutput(this.#lowRank, this.base.decode(input2));
  }
};
var LoraMaskedModel = class {
  peftTask = null;
  outputBias;
  scope;
  dimensions;
  config;
  base;
  lora;
  adapters;
  matrices;
  #lowRank;
  constructor(base, lora) {
    this.base = base;
    this.lora = lora;
    this.dimensions = base.dimensions;
    this.config = base.config;
    this.outputBias = base.outputBias;
    this.matrices = matricesOf("masked", base);
    this.#lowRank = new LowRankAdapters(this.matrices, lora);
    this.adapters = this.#lowRank.scope;
    this.scope = joined(base.scope, this.adapters);
  }
  states(input2, key) {
    return this.#lowRank.adapt([this.base.states(input2, key)], key)[0];
  }
  logits(input2, key) {
    return this.#lowRank.adapt([this.base.logits(input2, key)], key)[0];
  }
};
var LoraSequenceModel = class {
  peftTask = "SEQ_2_SEQ_LM";
  scope;
  dimensions;
  config;
  base;
  lora;
  adapters;
  matrices;
  #lowRank;
  constructor(base, lora) {
    this.base = base;
    this.lora = lora;
    this.dimensions = base.dimensions;
    this.config = base.config;
    this.matrices = matricesOf("sequenceToSequence", base);
    this.#lowRank = new LowRankAdapters(this.matrices, lora);
    this.adapters = this.#lowRank.scope;
    this.scope = joined(base.scope, this.adapters);
  }
  encode(source, key) {
    return this.#lowRank.adapt([this.base.encode(source, key)], key)[0];
  }
  logits(source, ids2, key) {
    return this.#lowRank.adapt([this.base.logits(source, ids2, key)], key)[0];
  }
  sourceLayers(states) {
    return adaptedCaches(this.#lowRank, this.base.sourceLayers(states));
  }
  decode(input2, source) {
    return adaptedOutput(this.#lowRank, this.base.decode(input2, source));
  }
};
function joined(base, adapters) {
  return new Scope("", new Map([...base.parameters, ...adapters.parameters]));
}
function adaptedOutput(lowRank, { logits, caches }) {
  const plain3 = [logits, ...caches.flatMap(({ keys, values }) => [keys, values])];
  const [first2, ...rest] = lowRank.adapt(plain3);
  return { logits: first2, caches: caches.map((_, i) => ({ keys: rest[2 * i], values: rest[2 * i + 1] })) };
}
function adaptedCaches(lowRank, caches) {
  const adapted = lowRank.adapt(caches.flatMap(({ keys, values }) => [keys, values]));
  return caches.map((_, i) => ({ keys: adapted[2 * i], values: adapted[2 * i + 1] }));
}
var ids = () => input("ids", "int32", [1, 2]);
var mask = () => input("mask", "int32", [1, 2]);
var families = {
  causal: { graph: (model2) => model2.logits(ids()), adapt: (base, lora) => new LoraModel(base, lora) },
  masked: {
    graph: (model2) => model2.logits({ ids: ids(), mask: mask() }),
    adapt: (base, lora) => new LoraMaskedModel(base, lora)
  },
  sequenceToSequence: {
    graph: (model2) => model2.logits({ ids: ids(), mask: mask() }, ids()),
    adapt: (base, lora) => new LoraSequenceModel(base, lora)
  }
};
function matricesOf(family, architecture) {
  return matricesIn(families[family].graph(architecture));
}
function withAdapters(family, base, lora) {
  return families[family].adapt(base, lora);
}

// src/models/weights.ts
init_errors();
async function readWeights(scope, reader3, folder2, unneeded) {
  const names = namesInFile(scope, reader3, folder2, unneeded);
  return readNamed(scope.parameters.values(), names, reader3, folder2);
}
async function readNamed(parameters, names, reader3, folder2) {
  const weights = {};
  for (const { name, shape } of parameters) {
    const data2 = await reader3.readFloats(names.get(name));
    checkFinite(data2, name, folder2);
    weights[name] = { dtype: "float32", shape, data: data2 };
  }
  return weights;
}
function checkFinite(data2, name, folder2, begin = 0) {
  const at = firstNotFinite(data2);
  if (at < 0) return;
  throw new CheckpointError(
    `${folder2}: ${name} holds ${data2[at]} at element ${begin + at}; the model diverged or the file is corrupt: take another checkpoint`,
    { name, element: begin + at }
  );
}
var exponent = 2139095040;
function firstNotFinite(data2) {
  const bits = new Int32Array(data2.buffer, data2.byteOffset, data2.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & exponent) === exponent) return i;
  return -1;
}
function namesInFile(scope, reader3, folder2, unneeded) {
  const names = storedNames(scope, reader3, folder2, unneeded);
  checkShapes(scope, reader3, names, folder2);
  return names;
}
function storedNames(scope, { tensors, metadata }, folder2, unneeded) {
  const names = /* @__PURE__ */ new Map();
  for (const name of scope.parameters.keys()) {
    const found = [...spellings(name), metadata[name] ?? ""].find((candidate) => tensors.has(candidate));
    if (found === void 0)
      throw new CheckpointError(`${folder2}: the weights lack ${name}; is the download complete?`, { name });
    names.set(name, found);
  }
  const known2 = new Set(names.values());
  const extra = [...tensors.keys()].filter((name) => !known2.has(name) && !unneeded.test(name));
  if (extra.length === 0) return names;
  throw new CheckpointError(
    `${folder2}: the weights hold ${extra.length} tensors that config.json does not ask for, such as ${extra[0]}; is it the right config.json?`,
    { extra }
  );
}
function checkShapes({ parameters }, { tensors }, names, folder2) {
  for (const { name, shape } of parameters.values()) {
    const found = tensors.get(names.get(name)).shape;
    if (found.join() !== shape.join())
      throw new CheckpointError(
        `${folder2}: ${name} is [${found}], config.json wants [${shape}]; do the files belong together?`,
        { name }
      );
  }
}
function spellings(name) {
  const bare = name.slice(name.indexOf(".") + 1);
  const old = name.replace(/(LayerNorm\.)weight$/, "$1gamma").replace(/(LayerNorm\.)bias$/, "$1beta");
  return [name, bare, old];
}

// src/models/adapter.ts
var none = z10.union([z10.null(), z10.array(z10.unknown()).length(0), z10.strictObject({})]).optional();
var off = z10.literal(false).nullish();
var schema = z10.object({
  peft_type: z10.literal("LORA"),
  base_model_name_or_path: z10.string().nullish(),
  r: z10.number().int().positive(),
  lora_alpha: z10.number(),
  lora_dropout: z10.number().min(0).max(1).default(0),
  use_rslora: z10.boolean().default(false),
  bias: z10.literal("none").default("none"),
  use_dora: off,
  lora_bias: off,
  modules_to_save: none,
  rank_pattern: none,
  alpha_pattern: none,
  trainable_token_indices: none
});
var configPath = (folder2) => join4(folder2, "adapter_config.json");
var weightsPath = (folder2) => join4(folder2, "adapter_model.safetensors");
function isAdapter(folder2) {
  return existsSync3(configPath(folder2)) && !existsSync3(join4(folder2, "config.json"));
}
async function folderHolding(folder2, file) {
  return isAdapter(folder2) && !existsSync3(join4(folder2, file)) ? (await readAdapterConfig(folder2)).base : folder2;
}
async function readAdapterConfig(folder2) {
  const config = await readJsonFile(configPath(folder2), schema);
  const { base_model_name_or_path: named, r: rank, lora_alpha: alpha, lora_dropout: dropout2, use_rslora: slow } = config;
  const scale = alpha / (slow ? Math.sqrt(rank) : rank);
  const places = named ? isAbsolute(named) ? [named] : [resolve(folder2, named), resolve(named)] : [];
  const base = places.find((place) => existsSync3(join4(place, "config.json")));
  if (base !== void 0) return { base, lora: { rank, scale, dropout: dropout2 } };
  throw new CheckpointError(
    `${configPath(folder2)}: its base_model_name_or_path ${JSON.stringify(named ?? null)} is no model\u2019s folder here; write there where it lies`,
    { folder: folder2, base: named }
  );
}
async function readAdapter(folder2, family, base, lora) {
  const path2 = weightsPath(folder2);
  const reader3 = await openSafetensors(path2);
  try {
    const targets = [...matricesOf(family, base).keys()].filter((name) => reader3.tensors.has(adapterNames(name).a));
    if (targets.length === 0)
      throw new CheckpointError(
        `${path2}: it holds no adapter of a linear layer of ${folder2}'s base; is it of another model?`
      );
    const architecture = withAdapters(family, base, { ...lora, targets });
    const weights = await readWeights(architecture.adapters, reader3, folder2, nothing);
    return { architecture, weights, metadata: reader3.metadata };
  } finally {
    await reader3.close();
  }
}
var nothing = /(?!)/;

// src/models/checkpoint.ts
init_errors();
import { join as join7 } from "node:path";
import { z as z18 } from "zod";

// src/models/block-quantization.ts
function formatsOf(matrices) {
  return Object.fromEntries(Object.entries(matrices).map(([name, { format }]) => [name, format]));
}
function partsOf(matrices) {
  const parts = Object.entries(matrices).flatMap(([name, { packed, scales }]) => {
    const names = quantizedParts(name);
    return [[names.packed, packed], [names.scales, scales]];
  });
  return Object.fromEntries(parts);
}
function stackedPartsOf(matrices, stacks) {
  const rest = { ...matrices };
  for (const name of Object.values(stacks).flat()) delete rest[name];
  const stacked = Object.entries(stacks).map(([stack, names]) => {
    const parts = names.map((name) => matrices[name]);
    const packed = onTop(parts.map((part) => part.packed));
    return [stack, { format: parts[0].format, packed, scales: onTop(parts.map((part) => part.scales)) }];
  });
  return partsOf({ ...rest, ...Object.fromEntries(stacked) });
}
function onTop(tensors) {
  const [{ dtype, shape, data: first2 }] = tensors;
  const length = tensors.reduce((sum2, { data: data3 }) => sum2 + data3.length, 0);
  const data2 = new first2.constructor(length);
  let at = 0;
  for (const part of tensors) {
    data2.set(part.data, at);
    at += part.data.length;
  }
  return { dtype, shape: [tensors.reduce((sum2, part) => sum2 + part.shape[0], 0), ...shape.slice(1)], data: data2 };
}

// src/models/model-digest.ts
import { createHash } from "node:crypto";
import { open as open2, readdir } from "node:fs/promises";
import { join as join5 } from "node:path";
var decisive = /^(config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|model.*\.safetensors|adapter_(config\.json|model\.safetensors))$/;
async function modelDigest(folder2) {
  const hash = createHash("sha256");
  if (isAdapter(folder2)) hash.update(await modelDigest((await readAdapterConfig(folder2)).base));
  for (const name of (await readdir(folder2)).filter((file) => decisive.test(file)).sort()) {
    hash.update(`${name}\0`);
    await addFile(hash, join5(folder2, name));
  }
  return hash.digest("hex");
}
async function addFile(hash, path2) {
  const file = await open2(path2);
  const room = new Uint8Array(1 << 20);
  try {
    for (; ; ) {
      const { bytesRead } = await file.read(room);
      if (bytesRead === 0) return;
      hash.update(room.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

// src/models/quantized-weights.ts
init_errors();
import { z as z11 } from "zod";
var ours = z11.object({
  quantization_config: z11.object({ quant_method: z11.literal("atelier"), block_size: z11.literal([32, 128]) })
});
function isQuantized(config) {
  return ours.safeParse(config).success;
}
async function readQuantized(parameters, reader3, folder2) {
  const matrices = {};
  for (const { name, shape } of parameters)
    if (reader3.tensors.has(quantizedParts(name).packed)) matrices[name] = await readMatrix(name, shape, reader3, folder2);
  return matrices;
}
async function readMatrix(name, shape, reader3, folder2) {
  const { packed: packedName, scales: scalesName } = quantizedParts(name);
  const stored = reader3.tensors.get(packedName);
  const [rows = 0, columns = 0] = shape;
  const [, blocks = 0, bytes = 0] = stored.shape;
  const blockSize2 = columns / blocks;
  const bits = bytes * 8 / blockSize2;
  const sound = (bits === 4 || bits === 8) && (blockSize2 === 32 || blockSize2 === 128) && stored.dtype === "U8" && stored.shape.join() === [rows, blocks, bytes].join() && reader3.tensors.get(scalesName)?.shape.join() === [rows, blocks].join();
  if (!sound)
    throw new CheckpointError(
      `${folder2}: ${packedName} is ${stored.dtype} [${stored.shape}], which with ${scalesName} is no [${shape}] in 4 or 8 bits; quantize the model again`,
      { name }
    );
  const scales = await reader3.readFloats(scalesName);
  if (scales.some((scale) => !Number.isFinite(scale)))
    throw new CheckpointError(`${folder2}: ${scalesName} holds numbers that are not finite; quantize the model again`, {
      name
    });
  return {
    format: { bits, blockSize: blockSize2 },
    packed: await reader3.read(packedName),
    scales: { dtype: "float32", shape: [rows, blocks], data: scales }
  };
}

// src/models/registry.ts
init_errors();
import { z as z17 } from "zod";

// src/models/bert.ts
init_errors();

// src/graph/operations/normalization.ts
init_errors();

// src/graph/gradient.ts
init_errors();
function pullBack(outputs, cotangents, wrt, independent = false) {
  const order = nodesBetween(wrt, outputs, independent);
  const reached = /* @__PURE__ */ new Map();
  const receive = (tensor, g) => {
    if (!g) return;
    const sum2 = reached.get(tensor);
    reached.set(tensor, sum2 ? add(sum2, g) : g);
  };
  for (const [i, output] of outputs.entries()) receive(output, cotangents[i]);
  for (const node of order.reverse()) {
    const flowing = node.outputs.map((output) => reached.get(output));
    if (flowing.every((g) => g === void 0)) continue;
    for (const [i, g] of gradientOf(node, flowing).entries()) checkedReceive(node, i, g, receive);
  }
  return wrt.map((tensor) => reached.get(tensor));
}
function checkedReceive(node, i, g, receive) {
  const x = node.inputs[i];
  if (g && !sameShape(g.shape, x.shape))
    throw new ShapeError(
      `${node.operation.name}: its gradient rule gave ${formatShape(g.shape)} for an input ${formatShape(x.shape)}`
    );
  receive(x, g);
}
function gradientOf(node, cotangents) {
  if (node.operation.gradient) return node.operation.gradient(node, cotangents);
  return rederive(node.operation, node, cotangents);
}
function rederive(operation2, node, cotangents) {
  if (!operation2.decompose) throw new ShapeError(`${operation2.name}: has no gradient; stop it with stopGradient`);
  const { inputs } = node;
  const whole = pullBack(operation2.decompose(inputs, node.attributes), cotangents, inputs, true);
  return whole.map((g, i) => inputs.indexOf(inputs[i]) === i ? g : void 0);
}
function nodesBetween(sources, targets, independent) {
  const isSource = new Set(sources);
  const onPath = /* @__PURE__ */ new Set();
  const free2 = (x) => independent && isSource.has(x);
  const inputsOf = (node) => node.inputs.filter((x) => !free2(x)).map((x) => x.node);
  for (const node of inputsFirst(
    targets.filter((x) => !free2(x)).map((x) => x.node),
    inputsOf
  ))
    if (node.inputs.some((x) => isSource.has(x) || onPath.has(x.node))) onPath.add(node);
  return [...onPath];
}

// src/graph/operations/normalization.ts
var lastAxis = { axes: [-1], keepDims: true };
var softmaxRow = {
  name: "softmax",
  infer: ([x]) => [{ dtype: requireDtype("softmax", x.dtype, floats), shape: x.shape }],
  decompose: ([x]) => {
    const e = exp(sub(x, max(x, lastAxis)));
    return [div(e, sum(e, lastAxis))];
  },
  gradient: ({ outputs: [p] }, [g]) => [mul(p, sub(g, sum(mul(g, p), lastAxis)))],
  lower: (emit, inputs) => emit.node("Softmax", inputs, { axis: { int: -1 } })
};
function normTypes(name, inputs, statistics) {
  const [x, ...scales] = inputs;
  const dtype = requireDtype(name, x.dtype, floats);
  const width = x.shape.at(-1);
  if (width === void 0) throw new ShapeError(`${name}: needs at least 1 dimension, got a scalar; reshape it`);
  for (const { shape } of scales)
    if (shape.length !== 1 || shape[0] !== width)
      throw new ShapeError(
        `${name}: scale and shift must be [${width}] for ${formatShape(x.shape)}, got ${formatShape(shape)}`
      );
  const column = { dtype, shape: x.shape.with(-1, 1) };
  return [{ dtype, shape: x.shape }, ...Array.from({ length: statistics }, () => column)];
}
function throughStatistics(d, n2, r, centred) {
  const along = sub(d, mul(n2, mean(mul(d, n2), lastAxis)));
  return mul(r, centred ? sub(along, mean(d, lastAxis)) : along);
}
var rmsNormRow = {
  name: "rmsNorm",
  infer: (inputs) => normTypes("rmsNorm", inputs, 1),
  decompose: ([x, weight], { epsilon }) => {
    const r = reciprocal(sqrt(add(mean(mul(x, x), lastAxis), epsilon)));
    const n2 = mul(x, r);
    return [weight ? mul(n2, weight) : n2, r];
  },
  gradient: (node, [g, gr]) => {
    if (gr || !g) return rederive(rmsNormRow, node, [g, gr]);
    const [x, weight] = node.inputs;
    const [y, r] = node.outputs;
    const n2 = weight ? mul(x, r) : y;
    const dx = throughStatistics(weight ? mul(g, weight) : g, n2, r, false);
    return weight ? [dx, sumTo(mul(g, n2), weight.shape)] : [dx];
  },
  lower: (emit, [x, weight], { epsilon }, node) => {
    if (emit.provider !== "cpu") return void 0;
    const width = node.inputs[0].shape.at(-1);
    const ones = () => emit.constant({ dtype: "float32", shape: [width], data: new Float32Array(width).fill(1) });
    const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } };
    return emit.node("SimplifiedLayerNormalization", [x, weight ?? ones()], attributes, { outputs: 2 });
  }
};
var layerNormRow = {
  name: "layerNorm",
  infer: (inputs) => normTypes("layerNorm", inputs, 2),
  decompose: ([x, weight, bias], { epsilon }) => {
    const mu = mean(x, lastAxis);
    const centred = sub(x, mu);
    const r = reciprocal(sqrt(add(mean(mul(centred, centred), lastAxis), epsilon)));
    return [add(mul(mul(centred, r), weight), bias), mu, r];
  },
  gradient: (node, [g, gmu, gr]) => {
    if (gmu || gr || !g) return rederive(layerNormRow, node, [g, gmu, gr]);
    const [x, weight, bias] = node.inputs;
    const [, mu, r] = node.outputs;
    const n2 = mul(sub(x, mu), r);
    const dx = throughStatistics(mul(g, weight), n2, r, true);
    return [dx, sumTo(mul(g, n2), weight.shape), sumTo(g, bias.shape)];
  },
  lower: (emit, inputs, { epsilon }) => emit.node("LayerNormalization", inputs, { axis: { int: -1 }, epsilon: { float: epsilon } }, { outputs: 3 })
};
var softmax = (x) => applyOne(softmaxRow, [x], {});
function rmsNorm(x, weight, epsilon = 1e-5) {
  return apply(rmsNormRow, weight ? [x, weight] : [x], { epsilon })[0];
}
function layerNorm(x, weight, bias, epsilon = 1e-5) {
  return apply(layerNormRow, [x, weight, bias], { epsilon })[0];
}

// src/nn/layers.ts
var Linear = class {
  /** [out, in]. */
  weight;
  /** [out], where the layer has one. */
  bias;
  constructor(scope, inputs, outputs, { bias, ...normal }) {
    this.weight = scope.parameter("weight", [outputs, inputs], { kind: "normal", ...normal });
    this.bias = bias ? scope.parameter("bias", [outputs], { kind: "zeros" }) : void 0;
  }
  /** [..., in] → [..., out]. */
  forward(x) {
    return linear(x, this.weight, this.bias);
  }
};
var Embedding = class {
  /** [symbols, width]. */
  weight;
  constructor(scope, symbols, width, options) {
    this.weight = scope.parameter("weight", [symbols, width], { kind: "normal", ...options });
  }
  /** int ids [...] → [..., width]. */
  forward(ids2) {
    return gather(this.weight, ids2);
  }
};
var RmsNorm = class {
  /** [width], `gain` at first. */
  weight;
  epsilon;
  constructor(scope, width, epsilon, gain = 1) {
    this.weight = scope.parameter("weight", [width], { kind: "constant", value: gain });
    this.epsilon = epsilon;
  }
  /** [..., width] → the same. */
  forward(x) {
    return rmsNorm(x, this.weight, this.epsilon);
  }
};
var LayerNorm = class {
  /** [width], ones at first. */
  weight;
  /** [width], zeros at first. */
  bias;
  epsilon;
  constructor(scope, width, epsilon) {
    this.weight = scope.parameter("weight", [width], { kind: "ones" });
    this.bias = scope.parameter("bias", [width], { kind: "zeros" });
    this.epsilon = epsilon;
  }
  /** [..., width] → the same. */
  forward(x) {
    return layerNorm(x, this.weight, this.bias, this.epsilon);
  }
};

// src/nn/masked-attention.ts
function splitHeads(x, nHeads) {
  const [B, T, width] = x.shape;
  return transpose(reshape(x, [B, T, nHeads, width / nHeads]), [0, 2, 1, 3]);
}
function joinHeads(x) {
  const [B, H, T, D] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * D]);
}
function maskedAttention(q, k, v, mask2, alpha = 1 / Math.sqrt(Number(q.shape[3]))) {
  return matmul(softmax(add(matmul(q, k, { transposeB: true, alpha }), mask2)), v);
}
function paddingMask(mask2) {
  const [B, S] = mask2.shape;
  return reshape(where(greater(mask2, 0), 0, -1e9), [B, 1, 1, S]);
}

// src/nn/near-heads.ts
var shifts = [-1, 1, -2, 2];
var score = 6;
function nearHeads({ dModel, dHead, deviation: deviation3 }) {
  const half = Math.floor(dHead / 2);
  const first2 = dModel - 2 * half;
  const amplitude = 2 * deviation3;
  const scale = Math.sqrt(deviation3 ** 2 + half / dModel * amplitude ** 2);
  const gain = Math.sqrt(score * Math.sqrt(dHead) / half) * (scale / amplitude);
  const frequency = (c) => Math.PI * (((c >> 1) + 0.5) / half) ** 1.5;
  const wave = (c, angle2) => c % 2 === 0 ? Math.cos(angle2) : Math.sin(angle2);
  const turning = (by) => (row, column) => {
    const [h, r, c] = [Math.floor(row / dHead), row % dHead, column - first2];
    const shift = by[h];
    if (shift === void 0 || c < 0 || r >> 1 !== c >> 1) return 0;
    const angle2 = shift * frequency(c);
    if (r % 2 === c % 2) return gain * Math.cos(angle2);
    return (r % 2 === 0 ? -gain : gain) * Math.sin(angle2);
  };
  return {
    /** Of the position table [positions, dModel]. */
    positions: ((p, column) => column < first2 ? 0 : amplitude * wave(column - first2, p * frequency(column - first2))),
    /** Of the queries' matrix [dModel, dModel]. */
    queries: turning(shifts),
    /** Of the keys' matrix [dModel, dModel]. */
    keys: turning(shifts.map(() => 0))
  };
}

// src/models/bert-forms.ts
init_errors();
import { z as z13 } from "zod";

// src/models/token-ids.ts
import { z as z12 } from "zod";
var id3 = z12.union([z12.number().int().nonnegative(), z12.array(z12.number().int()).nonempty(), z12.null()]).optional();
var tokenIdKeys = { bos_token_id: id3, eos_token_id: id3 };
function tokenIds(config) {
  const first2 = (value) => Array.isArray(value) ? value[0] : value;
  const [bos, eos] = [first2(config.bos_token_id), first2(config.eos_token_id)];
  return { ...bos == null ? {} : { bosTokenId: bos }, ...eos == null ? {} : { eosTokenId: eos } };
}

// src/models/bert-forms.ts
var size2 = z13.number().int().positive();
var padId = z13.number().int().nonnegative();
var bertSchema2 = z13.object({
  vocab_size: size2,
  max_position_embeddings: size2,
  hidden_size: size2,
  intermediate_size: size2,
  num_hidden_layers: size2,
  num_attention_heads: size2,
  hidden_act: z13.literal("gelu").default("gelu"),
  layer_norm_eps: z13.number().positive().default(1e-12),
  type_vocab_size: size2.default(2),
  position_embedding_type: z13.literal("absolute").default("absolute"),
  is_decoder: z13.literal(false).default(false),
  tie_word_embeddings: z13.boolean().default(true),
  pad_token_id: padId.nullish(),
  ...tokenIdKeys
});
var distilBertSchema = z13.object({
  vocab_size: size2,
  max_position_embeddings: size2.default(512),
  dim: size2,
  hidden_dim: size2,
  n_layers: size2,
  n_heads: size2,
  activation: z13.literal("gelu").default("gelu"),
  tie_word_embeddings: z13.boolean().default(true),
  pad_token_id: padId.nullish()
});
var bertLayer = {
  q: "attention.self.query",
  k: "attention.self.key",
  v: "attention.self.value",
  o: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  up: "intermediate.dense",
  down: "output.dense",
  norm: "output.LayerNorm"
};
function readBert(json, source) {
  const config = checkValue(json, bertSchema2, source, CheckpointError);
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.hidden_size,
    nLayers: config.num_hidden_layers,
    nHeads: config.num_attention_heads,
    dFf: config.intermediate_size,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    normEpsilon: config.layer_norm_eps,
    tokenTypes: config.type_vocab_size,
    padTokenId: config.pad_token_id ?? 0,
    ...tokenIds(config)
  };
}
function writeBert(modelType, className, settings) {
  return {
    architectures: [className],
    model_type: modelType,
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    hidden_size: settings.dModel,
    intermediate_size: settings.dFf,
    num_hidden_layers: settings.nLayers,
    num_attention_heads: settings.nHeads,
    hidden_act: "gelu",
    layer_norm_eps: settings.normEpsilon,
    type_vocab_size: settings.tokenTypes,
    position_embedding_type: "absolute",
    hidden_dropout_prob: settings.dropout,
    attention_probs_dropout_prob: 0,
    initializer_range: 0.02,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: "float32",
    pad_token_id: settings.padTokenId,
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null
  };
}
function robertaForm(modelType, className) {
  const firstPosition = ({ padTokenId }) => padTokenId + 1;
  return {
    modelType,
    names: {
      model: "roberta",
      layers: "encoder.layer",
      layer: bertLayer,
      transform: "lm_head.dense",
      transformNorm: "lm_head.layer_norm",
      output: "lm_head.decoder",
      outputBias: "lm_head"
    },
    countsTokens: true,
    firstPosition,
    unneeded: /^roberta\.pooler\.|\.position_ids$|^lm_head\.decoder\./,
    read: (json, source) => {
      const settings = { ...readBert(json, source), padTokenId: padOf(json) };
      const contextLength = settings.contextLength - firstPosition(settings);
      if (contextLength > 0) return { ...settings, contextLength };
      throw new CheckpointError(
        `${source}: max_position_embeddings ${settings.contextLength} leaves no position after pad_token_id ${settings.padTokenId}; is it the right file?`
      );
    },
    write: (settings) => ({
      ...writeBert(modelType, className, settings),
      max_position_embeddings: settings.contextLength + firstPosition(settings)
    })
  };
}
function padOf(json) {
  return json.pad_token_id ?? 1;
}
function readDistilBert(json, source) {
  const config = checkValue(json, distilBertSchema, source, CheckpointError);
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.dim,
    nLayers: config.n_layers,
    nHeads: config.n_heads,
    dFf: config.hidden_dim,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    normEpsilon: 1e-12,
    tokenTypes: 0,
    padTokenId: config.pad_token_id ?? 0
  };
}
function writeDistilBert(settings) {
  return {
    architectures: ["DistilBertForMaskedLM"],
    model_type: "distilbert",
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    dim: settings.dModel,
    hidden_dim: settings.dFf,
    n_layers: settings.nLayers,
    n_heads: settings.nHeads,
    activation: "gelu",
    dropout: settings.dropout,
    attention_dropout: 0,
    sinusoidal_pos_embds: false,
    initializer_range: 0.02,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: "float32",
    pad_token_id: settings.padTokenId
  };
}
var bertForms = {
  bert: {
    modelType: "bert",
    names: {
      model: "bert",
      layers: "encoder.layer",
      layer: bertLayer,
      transform: "cls.predictions.transform.dense",
      transformNorm: "cls.predictions.transform.LayerNorm",
      output: "cls.predictions.decoder",
      outputBias: "cls.predictions"
    },
    countsTokens: false,
    firstPosition: () => 0,
    unneeded: /^bert\.pooler\.|\.position_ids$|^cls\.seq_relationship\.|^cls\.predictions\.decoder\./,
    read: readBert,
    write: (settings) => writeBert("bert", "BertForMaskedLM", settings)
  },
  distilbert: {
    modelType: "distilbert",
    names: {
      model: "distilbert",
      layers: "transformer.layer",
      layer: {
        q: "attention.q_lin",
        k: "attention.k_lin",
        v: "attention.v_lin",
        o: "attention.out_lin",
        attentionNorm: "sa_layer_norm",
        up: "ffn.lin1",
        down: "ffn.lin2",
        norm: "output_layer_norm"
      },
      transform: "vocab_transform",
      transformNorm: "vocab_layer_norm",
      output: "vocab_projector",
      outputBias: "vocab_projector"
    },
    countsTokens: false,
    firstPosition: () => 0,
    unneeded: /\.position_ids$|^vocab_projector\.weight$/,
    read: readDistilBert,
    write: writeDistilBert
  },
  roberta: robertaForm("roberta", "RobertaForMaskedLM"),
  "xlm-roberta": robertaForm("xlm-roberta", "XLMRobertaForMaskedLM"),
  camembert: robertaForm("camembert", "CamembertForMaskedLM")
};

// src/models/check.ts
init_errors();
function checkHeads(settings, { even }) {
  const { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf } = settings;
  const { dHead: given, slidingWindow = 1 } = settings;
  const sizes = { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf, dHead: given ?? 1, slidingWindow };
  for (const [name, value] of Object.entries(sizes))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`model: ${name} is ${value}, wanted a whole number from 1`, { [name]: value });
  if (given === void 0 && dModel % nHeads !== 0)
    throw new ConfigError(`model: dModel ${dModel} is not a multiple of nHeads ${nHeads}; change one`, {
      dModel,
      nHeads
    });
  if (nHeads % nKvHeads !== 0)
    throw new ConfigError(`model: nHeads ${nHeads} is not a multiple of nKvHeads ${nKvHeads}; change one`, {
      nHeads,
      nKvHeads
    });
  const dHead = given ?? dModel / nHeads;
  if (even && dHead % 2 !== 0)
    throw new ConfigError(
      given === void 0 ? `model: rotary positions need an even head, got dModel/nHeads = ${dHead}; change nHeads` : `model: rotary positions need an even head, got dHead ${dHead}; change it`,
      { dHead }
    );
  return { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dHead };
}

// src/models/bert.ts
var deviation = 0.02;
var biased = { deviation, bias: true };
var Block = class {
  q;
  k;
  v;
  o;
  attentionNorm;
  up;
  down;
  norm;
  nHeads;
  dropout;
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  index;
  constructor(scope, names, config) {
    const { dModel, dFf, normEpsilon } = config;
    const { queries: queries2, keys } = nearHeads({ dModel, dHead: dModel / config.nHeads, deviation });
    const square = (name, mean2) => new Linear(scope.child(name), dModel, dModel, { ...biased, ...mean2 ? { mean: mean2 } : {} });
    this.q = square(names.q, queries2);
    this.k = square(names.k, keys);
    this.v = square(names.v);
    this.o = square(names.o);
    this.attentionNorm = new LayerNorm(scope.child(names.attentionNorm), dModel, normEpsilon);
    this.up = new Linear(scope.child(names.up), dModel, dFf, biased);
    this.down = new Linear(scope.child(names.down), dFf, dModel, biased);
    this.norm = new LayerNorm(scope.child(names.norm), dModel, normEpsilon);
    this.nHeads = config.nHeads;
    this.dropout = config.dropout;
    this.index = scope.path.slice(scope.path.lastIndexOf(".") + 1);
  }
  /** x [B, T, C] → [B, T, C]; `mask` [B, 1, 1, T] hides padding. */
  forward(x, mask2, key) {
    const drop = (y, what) => key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y;
    const [q, k, v] = [this.q, this.k, this.v].map((layer) => splitHeads(layer.forward(x), this.nHeads));
    const seen = this.o.forward(joinHeads(maskedAttention(q, k, v, mask2)));
    const mixed = this.attentionNorm.forward(add(x, drop(seen, "attn")));
    const hidden = this.down.forward(gelu(this.up.forward(mixed)));
    return this.norm.forward(add(mixed, drop(hidden, "mlp")));
  }
};
var Bert = class {
  scope = new Scope();
  dimensions;
  config;
  outputBias;
  #settings;
  #form;
  #words;
  #positions;
  #types;
  #embeddingNorm;
  #blocks;
  #transform;
  #transformNorm;
  #output;
  #bias;
  /** Throws ConfigError where heads do not divide the width. */
  constructor(settings, form3 = bertForms.bert) {
    const { vocabSize, contextLength, dModel, nLayers, nHeads, normEpsilon, tokenTypes } = settings;
    const { dHead } = checkHeads({ ...settings, nKvHeads: nHeads }, { even: false });
    this.dimensions = { vocabSize, contextLength, dModel, nLayers, nHeads, dHead, tokenTypes };
    this.config = form3.write(settings);
    this.#settings = settings;
    this.#form = form3;
    const { names } = form3;
    const model2 = this.scope.child(names.model);
    const embeddings = model2.child("embeddings");
    const table = (name, rows, mean2) => new Embedding(embeddings.child(name), rows, dModel, { deviation, ...mean2 ? { mean: mean2 } : {} });
    const { positions: positions2 } = nearHeads({ dModel, dHead, deviation });
    this.#words = table("word_embeddings", vocabSize);
    this.#positions = table("position_embeddings", contextLength + form3.firstPosition(settings), positions2);
    this.#types = tokenTypes > 0 ? table("token_type_embeddings", tokenTypes) : void 0;
    this.#embeddingNorm = new LayerNorm(embeddings.child("LayerNorm"), dModel, normEpsilon);
    const layers = model2.child(names.layers);
    this.#blocks = Array.from({ length: nLayers }, (_, i) => new Block(layers.child(i), names.layer, settings));
    this.#transform = new Linear(this.scope.child(names.transform), dModel, dModel, biased);
    this.#transformNorm = new LayerNorm(this.scope.child(names.transformNorm), dModel, normEpsilon);
    this.#output = settings.tieEmbeddings ? this.#words.weight : new Linear(this.scope.child(names.output), dModel, vocabSize, { deviation }).weight;
    this.outputBias = `${names.outputBias}.bias`;
    this.#bias = this.scope.parameter(this.outputBias, [vocabSize], { kind: "zeros" });
  }
  states(input2, key) {
    const drop = (y) => key ? dropout(y, this.#settings.dropout, key.split("embed")) : y;
    const mask2 = paddingMask(input2.mask);
    let x = drop(this.#embeddingNorm.forward(this.#embedded(input2)));
    for (const block of this.#blocks) x = block.forward(x, mask2, key);
    return x;
  }
  logits(input2, key) {
    const states = this.states(input2, key);
    const wanted2 = input2.places ? gather(reshape(states, [-1, this.dimensions.dModel]), input2.places) : states;
    const x = this.#transformNorm.forward(gelu(this.#transform.forward(wanted2)));
    return linear(x, this.#output, this.#bias);
  }
  /** Words, positions and segments added up: [B, T, C]. */
  #embedded({ ids: ids2, tokenTypes }) {
    const { contextLength } = this.dimensions;
    const T = ids2.shape[1];
    if (ids2.rank !== 2 || typeof T !== "number" || T > contextLength)
      throw new ShapeError(
        `bert: ids are ${formatShape(ids2.shape)}, wanted [B, T] with T known and up to ${contextLength}; cut the text into parts`
      );
    const x = add(this.#words.forward(ids2), this.#positionsOf(ids2, T));
    if (!this.#types) return x;
    return add(x, tokenTypes ? this.#types.forward(tokenTypes) : slice(this.#types.weight, 0, 0, 1));
  }
  /** Vectors of the positions of ids [B, T]: [T, C], or [B, T, C] where they count tokens. */
  #positionsOf(ids2, T) {
    if (!this.#form.countsTokens) return slice(this.#positions.weight, 0, 0, T);
    const { padTokenId } = this.#settings;
    const padding = equal(ids2, padTokenId);
    const counted2 = matmul(where(padding, 0, 1), upperTriangle(T));
    return gather(this.#positions.weight, cast(add(where(padding, 0, counted2), padTokenId), "int32"));
  }
};
function upperTriangle(size7) {
  const data2 = new Float32Array(size7 * size7);
  for (let row = 0; row < size7; row++) data2.fill(1, row * size7 + row, (row + 1) * size7);
  return constant({ dtype: "float32", shape: [size7, size7], data: data2 });
}

// src/graph/operations/attention.ts
init_errors();
function headSizes(q, k) {
  const [B, T, H, D] = q.shape;
  const [, S, kvHeads] = k.shape;
  return { B, T, S, H, kvHeads, D };
}
var attentionRow = {
  name: "attention",
  infer: ([q, k, v], { causal: causal2 }) => {
    requireSameDtype("attention", [q, k, v], floats);
    for (const x of [q, k, v]) requireRank("attention", "q, k and v", x, 4);
    const { T, S, H, kvHeads, D } = headSizes(q, k);
    const alike = k.shape[0] === q.shape[0] && k.shape[3] === D && formatShape(k.shape) === formatShape(v.shape);
    const fits2 = alike && H % kvHeads === 0;
    if (!fits2 || causal2 && T !== S)
      throw new ShapeError(
        `attention: q ${formatShape(q.shape)}, k ${formatShape(k.shape)} and v ${formatShape(v.shape)} do not fit; wanted [B, T, H, D], [B, S, Hkv, D] twice, Hkv dividing H, and T = S where causal`
      );
    return [q];
  },
  decompose: ([q, k, v], attributes) => {
    const sizes = headSizes(q, k);
    const [Q, K, V] = [groupHeads(q, sizes), headsFirst(k), headsFirst(v)];
    const parts = queryBlocks(sizes, attributes.causal).map(([begin, end]) => {
      const P = probabilities(Q, K, begin, end, sizes, attributes);
      return matmul(P, keysUpTo(V, end, sizes, attributes));
    });
    return [ungroupHeads(joinBlocks(parts, sizes), sizes)];
  },
  gradient: ({ inputs: [q, k, v], outputs: [o], attributes }, [g]) => {
    const sizes = headSizes(q, k);
    const [Q, K, V] = [groupHeads(q, sizes), headsFirst(k), headsFirst(v)];
    const G = groupHeads(g, sizes);
    const delta = groupHeads(sum(mul(g, o), { axes: [-1], keepDims: true }), { ...sizes, D: 1 });
    const blocks = queryBlocks(sizes, attributes.causal).map(([begin, end]) => {
      const part = (x) => queries(x, begin, end, sizes);
      const P = probabilities(Q, K, begin, end, sizes, attributes);
      const dP = matmul(part(G), keysUpTo(V, end, sizes, attributes), { transposeB: true });
      const dS = mul(P, sub(dP, part(delta)));
      const alpha = attributes.scale;
      return {
        dQ: matmul(dS, keysUpTo(K, end, sizes, attributes), { alpha }),
        // Transposed, [B, Hkv, D, s]: a wide product runs up to a third faster than a tall one.
        dK: padKeys(matmul(part(Q), dS, { transposeA: true, alpha }), sizes),
        dV: padKeys(matmul(part(G), P, { transposeA: true }), sizes)
      };
    });
    const total2 = (parts) => parts.reduce((a, b) => add(a, b));
    return [
      ungroupHeads(
        joinBlocks(
          blocks.map((b) => b.dQ),
          sizes
        ),
        sizes
      ),
      keysLast(total2(blocks.map((b) => b.dK))),
      keysLast(total2(blocks.map((b) => b.dV)))
    ];
  }
};
var blockLength = 128;
var mostBlocks = 8;
function queryBlocks({ T }, causal2) {
  const count2 = causal2 ? Math.min(mostBlocks, Math.max(1, Math.floor(T / blockLength))) : 1;
  const edge = (i) => Math.round(T * i / count2);
  return Array.from({ length: count2 }, (_, i) => [edge(i), edge(i + 1)]);
}
function headsFirst(x) {
  return transpose(x, [0, 2, 1, 3]);
}
function groupHeads(x, { B, T, H, kvHeads, D }) {
  return reshape(headsFirst(x), [B, kvHeads, H / kvHeads, T, D]);
}
function ungroupHeads(x, { B, T, H, D }) {
  return headsFirst(reshape(x, [B, H, T, D]));
}
function queries(x, begin, end, { B, kvHeads }) {
  return reshape(slice(x, 3, begin, end), [B, kvHeads, -1, x.shape[4]]);
}
function joinBlocks(parts, { B, H, kvHeads, D }) {
  return concat(
    parts.map((part) => reshape(part, [B, kvHeads, H / kvHeads, -1, D])),
    3
  );
}
function keysUpTo(x, end, { S }, { causal: causal2 }) {
  return slice(x, 2, 0, causal2 ? end : S);
}
function padKeys(x, { S }) {
  return pad(x, 3, 0, S - x.shape[3]);
}
function keysLast(x) {
  return transpose(x, [0, 3, 1, 2]);
}
function probabilities(Q, K, begin, end, sizes, attributes) {
  const scores = matmul(queries(Q, begin, end, sizes), keysUpTo(K, end, sizes, attributes), {
    transposeB: true,
    alpha: attributes.scale
  });
  if (!attributes.causal) return softmax(scores);
  const grouped = [sizes.B, sizes.kvHeads, sizes.H / sizes.kvHeads, end - begin, end];
  return softmax(reshape(add(reshape(scores, grouped), causalMask(begin, end, attributes.window)), scores.shape));
}
function causalMask(begin, end, window = end) {
  const data2 = new Float32Array((end - begin) * end);
  for (let i = 0; i < end - begin; i++) {
    const row = data2.subarray(i * end, (i + 1) * end);
    row.fill(-1e9, begin + i + 1);
    row.fill(-1e9, 0, Math.max(0, begin + i + 1 - window));
  }
  return constant({ dtype: "float32", shape: [end - begin, end], data: data2 });
}
function attention(q, k, v, options) {
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)));
  return applyOne(attentionRow, [q, k, v], { causal: options.causal, scale, window: options.window });
}

// src/graph/operations/cached-attention.ts
init_errors();

// src/graph/operations/rotary.ts
init_errors();
function rotate(x, c, s) {
  const D = x.shape[3];
  const [a, b] = split(x, 3, [D / 2, D / 2]);
  return concat([sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s))], 3);
}
var rotaryRow = {
  name: "rotary",
  infer: ([x, cos2, sin2]) => {
    const [, T, , D] = requireRank("rotary", "x", x, 4);
    for (const table of [cos2, sin2])
      if (table.shape[0] !== T || table.shape[1] !== Number(D) / 2)
        throw new ShapeError(
          `rotary: x ${formatShape(x.shape)} needs cos and sin [${T}, ${Number(D) / 2}], got ${formatShape(table.shape)}`
        );
    return [x];
  },
  decompose: ([x, cos2, sin2], { inverse: inverse2 }) => {
    const [c, s] = [cos2, inverse2 ? neg(sin2) : sin2].map((t) => reshape(t, [t.shape[0], 1, t.shape[1]]));
    return [rotate(x, c, s)];
  },
  lower: (emit, [x, cos2, sin2], { inverse: inverse2 }, node) => {
    if (emit.provider !== "cpu") return void 0;
    const [B, T, H, D] = node.inputs[0].shape;
    const flat = emit.node("Reshape", [x, emit.ints([B, T, H * D])]);
    const angles = inverse2 ? emit.node("Neg", [sin2])[0] : sin2;
    const attributes = { num_heads: { int: H }, rotary_embedding_dim: { int: 0 }, interleaved: { int: 0 } };
    const first2 = emit.ints([0]);
    const y = emit.node("RotaryEmbedding", [flat[0], first2, cos2, angles], attributes, { domain: "com.microsoft" });
    return emit.node("Reshape", [y[0], emit.ints([B, T, H, D])]);
  },
  gradient: ({ inputs: [, cos2, sin2], attributes }, [g]) => [
    applyOne(rotaryRow, [g, cos2, sin2], { inverse: !attributes.inverse }),
    void 0,
    void 0
  ]
};
function rotary(x, cos2, sin2) {
  return applyOne(rotaryRow, [x, cos2, sin2], { inverse: false });
}

// src/graph/operations/cached-attention.ts
var cachedAttentionRow = {
  name: "cachedAttention",
  infer: (inputs, attributes) => {
    checkCached(inputs, attributes);
    return [inputs[0], inputs[3], inputs[4]];
  },
  lower: (emit, [q, k, v, pastK, pastV, lastPosition, total2, ...rest], { nHeads, nKvHeads, scale, window }) => {
    const [cos2, sin2] = rest.length === 2 ? rest : ["", ""];
    const bias = rest.length === 1 ? ["", upTo(emit, rest[0], total2)] : [];
    return emit.node(
      "GroupQueryAttention",
      [q, k, v, pastK, pastV, lastPosition, total2, cos2, sin2, ...bias],
      {
        num_heads: { int: nHeads },
        kv_num_heads: { int: nKvHeads },
        scale: { float: scale },
        do_rotary: { int: cos2 ? 1 : 0 },
        ...window === void 0 ? {} : { local_window_size: { int: window } }
      },
      { domain: "com.microsoft", outputs: 3 }
    );
  }
};
function upTo(emit, bias, total2) {
  const [end] = emit.node("Cast", emit.node("Reshape", [total2, emit.ints([1])]), { to: { int: onnxType.int64 } });
  return emit.node("Slice", [bias, emit.ints([0]), end, emit.ints([3])])[0];
}
function checkCached(inputs, { nHeads, nKvHeads }) {
  const [q, k, v, keys, values, lastPosition, total2] = inputs;
  const [B, T] = requireRank("cachedAttention", "q", q, 3);
  const [, , , D] = requireRank("cachedAttention", "the cache", keys, 4);
  if (Number(D) % kernelMultiple !== 0)
    throw new ShapeError(`cachedAttention: heads are ${D} wide, wanted a multiple of ${kernelMultiple}; change nHeads`);
  const wanted2 = [
    [q, [B, T, nHeads * Number(D)]],
    [k, [B, T, nKvHeads * Number(D)]],
    [v, [B, T, nKvHeads * Number(D)]],
    [keys, [B, nKvHeads, keys.shape[2], D]],
    [values, keys.shape],
    [lastPosition, [B]],
    [total2, []]
  ];
  const wrong = wanted2.find(([got, shape]) => formatShape(got.shape) !== formatShape(shape));
  if (wrong)
    throw new ShapeError(
      `cachedAttention: got ${formatShape(wrong[0].shape)}, wanted ${formatShape(wrong[1])}; q, k and v are [B, T, heads \xB7 D], caches [B, Hkv, capacity, D], lastPosition [B], total []`
    );
}
var kernelMultiple = 8;
var rotaryKernelMultiple = 16;
function cachedAttention(x, attributes) {
  const dHead = Number(x.q.shape.at(-1)) / attributes.nHeads;
  const inKernel = dHead % rotaryKernelMultiple === 0 && !x.bias;
  const tables = x.rotary && inKernel ? [x.rotary.cos, x.rotary.sin] : [];
  const [q, k] = x.rotary && !inKernel ? [rotaryAt(x.q, dHead, x.rotary), rotaryAt(x.k, dHead, x.rotary)] : [x.q, x.k];
  const bias = x.bias ? [x.bias] : [];
  const inputs = [q, k, x.v, x.pastKeys, x.pastValues, x.lastPosition, x.total, ...tables, ...bias];
  return apply(cachedAttentionRow, inputs, attributes);
}
function rotaryAt(x, dHead, { cos: cos2, sin: sin2, positions: positions2 }) {
  const [B, T, width] = x.shape;
  const heads = reshape(x, [B, T, width / dHead, dHead]);
  const [c, s] = [cos2, sin2].map((table) => reshape(gather(table, positions2), [B, T, 1, dHead / 2]));
  return reshape(rotate(heads, c, s), x.shape);
}

// src/nn/rotary-tables.ts
function rotaryTables(positions2, headSize, base, scaling) {
  const half = headSize / 2;
  const frequencies = Array.from({ length: half }, (_, d) => scaled(base ** (-d / half), scaling));
  const table = (f) => {
    const data2 = new Float32Array(positions2 * half);
    for (let t = 0; t < positions2; t++) for (let d = 0; d < half; d++) data2[t * half + d] = f(t * frequencies[d]);
    return constant({ dtype: "float32", shape: [positions2, half], data: data2 });
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
function scaled(frequency, scaling) {
  if (!scaling) return frequency;
  const slow = frequency / scaling.factor;
  if (scaling.kind === "linear") return slow;
  const { lowFrequency, highFrequency, originalContext } = scaling;
  const turns = originalContext * frequency / (2 * Math.PI);
  const share = Math.min(1, Math.max(0, (turns - lowFrequency) / (highFrequency - lowFrequency)));
  return (1 - share) * slow + share * frequency;
}

// src/models/decoder-forms.ts
init_errors();
import { z as z15 } from "zod";

// src/models/rope-config.ts
import { z as z14 } from "zod";
var positive = z14.number().positive();
var size3 = z14.number().int().positive();
var wholeHeads = z14.literal(1).nullish();
function ropeSchema(more) {
  const usual2 = z14.object({ ...more, rope_type: z14.literal("default") });
  const linear2 = z14.object({ ...more, rope_type: z14.literal("linear"), factor: positive });
  const llama3 = z14.object({
    ...more,
    rope_type: z14.literal("llama3"),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: size3
  });
  return z14.preprocess(withType, z14.discriminatedUnion("rope_type", [usual2, linear2, llama3]));
}
function withType(value) {
  if (typeof value !== "object" || value === null) return value;
  const { type = "default" } = value;
  return { rope_type: type, ...value };
}
var ropeKeys = {
  rope_theta: positive.optional(),
  rope_scaling: ropeSchema({}).nullish(),
  rope_parameters: ropeSchema({ rope_theta: positive, partial_rotary_factor: wholeHeads }).nullish(),
  partial_rotary_factor: wholeHeads
};
function readRope(config) {
  const scaling = scalingOf(config.rope_parameters ?? config.rope_scaling);
  const ropeTheta = config.rope_parameters?.rope_theta ?? config.rope_theta ?? 1e4;
  return { ropeTheta, ...scaling ? { ropeScaling: scaling } : {} };
}
function scalingOf(rope) {
  if (rope?.rope_type === "linear") return { kind: "linear", factor: rope.factor };
  if (rope?.rope_type !== "llama3") return void 0;
  return {
    kind: "llama3",
    factor: rope.factor,
    lowFrequency: rope.low_freq_factor,
    highFrequency: rope.high_freq_factor,
    originalContext: rope.original_max_position_embeddings
  };
}
function writeRope(theta, scaling) {
  if (!scaling) return { rope_theta: theta, rope_scaling: null };
  const { kind, factor } = scaling;
  if (kind === "linear") return { rope_theta: theta, rope_scaling: { rope_type: kind, factor } };
  const { lowFrequency, highFrequency, originalContext } = scaling;
  const rest = { low_freq_factor: lowFrequency, high_freq_factor: highFrequency };
  const rope_scaling = { rope_type: kind, factor, ...rest, original_max_position_embeddings: originalContext };
  return { rope_theta: theta, rope_scaling };
}

// src/models/decoder-forms.ts
var initialDeviation = 0.02;
var size4 = z15.number().int().positive();
var shared = {
  vocab_size: size4,
  max_position_embeddings: size4,
  hidden_size: size4,
  intermediate_size: size4,
  num_hidden_layers: size4,
  num_attention_heads: size4,
  num_key_value_heads: size4.nullish(),
  head_dim: size4.nullish(),
  hidden_act: z15.literal("silu").default("silu"),
  rms_norm_eps: z15.number().positive().default(1e-6),
  tie_word_embeddings: z15.boolean().default(false),
  ...ropeKeys,
  ...tokenIdKeys
};
var everywhere = {
  use_sliding_window: z15.literal(false).default(false),
  layer_types: z15.array(z15.literal("full_attention")).nullish()
};
var unbiased = z15.literal(false).default(false);
var llamaSchema = z15.object({ ...shared, attention_bias: unbiased, mlp_bias: unbiased });
var mistralSchema = z15.object({
  ...shared,
  num_key_value_heads: size4.nullable().default(8),
  sliding_window: size4.nullable().default(4096)
});
var qwen2Schema = z15.object({ ...shared, ...everywhere, num_key_value_heads: size4.nullable().default(32) });
var qwen3Schema = qwen2Schema.extend({ head_dim: size4.nullable().default(128), attention_bias: unbiased });
function readShared(config) {
  const nHeads = config.num_attention_heads;
  return {
    vocabSize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    dModel: config.hidden_size,
    nLayers: config.num_hidden_layers,
    nHeads,
    nKvHeads: config.num_key_value_heads ?? nHeads,
    dFf: config.intermediate_size,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    normEpsilon: config.rms_norm_eps,
    ...config.head_dim == null || config.head_dim * nHeads === config.hidden_size ? {} : { dHead: config.head_dim },
    ...readRope(config),
    ...tokenIds(config)
  };
}
function writeShared(settings, { dHead }) {
  return {
    vocab_size: settings.vocabSize,
    max_position_embeddings: settings.contextLength,
    hidden_size: settings.dModel,
    intermediate_size: settings.dFf,
    num_hidden_layers: settings.nLayers,
    num_attention_heads: settings.nHeads,
    num_key_value_heads: settings.nKvHeads,
    head_dim: dHead,
    hidden_act: "silu",
    rms_norm_eps: settings.normEpsilon,
    ...writeRope(settings.ropeTheta, settings.ropeScaling),
    attention_dropout: 0,
    initializer_range: initialDeviation,
    tie_word_embeddings: settings.tieEmbeddings,
    use_cache: true,
    torch_dtype: "float32",
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null
  };
}
function form(options) {
  const { modelType, className, schema: schema5, always = {}, more = () => ({}), own } = options;
  return {
    modelType,
    always,
    read: (json, source) => {
      const config = checkValue(json, schema5, source, CheckpointError);
      return { ...readShared(config), ...always, ...more(config) };
    },
    write: (settings, dimensions) => ({
      architectures: [className],
      model_type: modelType,
      ...writeShared(settings, dimensions),
      ...own(settings)
    })
  };
}
var decoderForms = {
  llama: form({
    modelType: "llama",
    className: "LlamaForCausalLM",
    schema: llamaSchema,
    own: () => ({ attention_bias: false, mlp_bias: false })
  }),
  mistral: form({
    modelType: "mistral",
    className: "MistralForCausalLM",
    schema: mistralSchema,
    more: ({ sliding_window: window }) => window === null ? {} : { slidingWindow: window },
    own: ({ slidingWindow }) => ({ sliding_window: slidingWindow ?? null })
  }),
  qwen2: form({
    modelType: "qwen2",
    className: "Qwen2ForCausalLM",
    schema: qwen2Schema,
    always: { qkvBias: true },
    own: () => ({ use_sliding_window: false })
  }),
  qwen3: form({
    modelType: "qwen3",
    className: "Qwen3ForCausalLM",
    schema: qwen3Schema,
    always: { queryKeyNorm: true },
    own: () => ({ use_sliding_window: false, attention_bias: false })
  })
};

// src/models/wanted-places.ts
function wantedStates(x, { places }) {
  return places ? gather(reshape(x, ["positions of all rows", x.shape[2]]), places) : last(x, 1);
}

// src/models/decoder.ts
var SelfAttention = class {
  q;
  k;
  v;
  o;
  norms;
  dimensions;
  /** Positions that a query sees; undefined where that is the whole context. */
  window;
  constructor(scope, settings, dimensions) {
    const { dModel, nHeads, nKvHeads, dHead, nLayers, contextLength } = dimensions;
    const { qkvBias = false, queryKeyNorm = false, slidingWindow = contextLength, normEpsilon } = settings;
    const options = { deviation: initialDeviation, bias: qkvBias };
    this.q = new Linear(scope.child("q_proj"), dModel, nHeads * dHead, options);
    this.k = new Linear(scope.child("k_proj"), dModel, nKvHeads * dHead, options);
    this.v = new Linear(scope.child("v_proj"), dModel, nKvHeads * dHead, options);
    this.o = new Linear(scope.child("o_proj"), nHeads * dHead, dModel, {
      deviation: initialDeviation / Math.sqrt(2 * nLayers)
    });
    const norm = (name) => new RmsNorm(scope.child(name), dHead, normEpsilon);
    this.norms = queryKeyNorm ? { q: norm("q_norm"), k: norm("k_norm") } : void 0;
    this.dimensions = dimensions;
    this.window = slidingWindow < contextLength ? slidingWindow : void 0;
  }
  /** x [B, T, C] → queries [B, T, H·D], keys and values [B, T, Hkv·D], not yet rotated. */
  #projections(x) {
    const [q, k, v] = [this.q.forward(x), this.k.forward(x), this.v.forward(x)];
    if (!this.norms) return [q, k, v];
    const normed = (norm, y) => reshape(norm.forward(this.#heads(y)), y.shape);
    return [normed(this.norms.q, q), normed(this.norms.k, k), v];
  }
  /** [B, T, n·D] → [B, T, n, D]. */
  #heads(x) {
    const { dHead } = this.dimensions;
    const [B, T, width] = x.shape;
    return reshape(x, [B, T, width / dHead, dHead]);
  }
  /** x [B, T, C] → [B, T, C]; position t sees positions up to t. */
  forward(x, { cos: cos2, sin: sin2 }) {
    const { nHeads, dHead } = this.dimensions;
    const [B, T] = x.shape;
    const [q, k, v] = this.#projections(x).map((y) => this.#heads(y));
    const mixed = attention(rotary(q, cos2, sin2), rotary(k, cos2, sin2), v, { causal: true, window: this.window });
    return this.o.forward(reshape(mixed, [B, T, nHeads * dHead]));
  }
  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x, cache, { positions: positions2, lastPosition, total: total2, bias }, tables) {
    const { nHeads, nKvHeads, dHead } = this.dimensions;
    const [q, k, v] = this.#projections(x);
    const [mixed, keys, values] = cachedAttention(
      {
        ...{ q, k, v },
        pastKeys: cache.keys,
        pastValues: cache.values,
        lastPosition,
        total: total2,
        rotary: { ...tables, positions: positions2 },
        bias
      },
      { nHeads, nKvHeads, scale: 1 / Math.sqrt(dHead), window: this.window }
    );
    return [this.o.forward(mixed), { keys, values }];
  }
};
var FeedForward = class {
  gate;
  up;
  down;
  constructor(scope, { dModel, dFf, nLayers }) {
    this.gate = new Linear(scope.child("gate_proj"), dModel, dFf, { deviation: initialDeviation });
    this.up = new Linear(scope.child("up_proj"), dModel, dFf, { deviation: initialDeviation });
    this.down = new Linear(scope.child("down_proj"), dFf, dModel, { deviation: initialDeviation / Math.sqrt(2 * nLayers) });
  }
  /** [B, T, C] → [B, T, C]. */
  forward(x) {
    return this.down.forward(mul(silu(this.gate.forward(x)), this.up.forward(x)));
  }
};
var Block2 = class {
  attentionNorm;
  attention;
  feedForwardNorm;
  feedForward;
  dropout;
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  index;
  constructor(scope, config, dimensions) {
    this.attentionNorm = new RmsNorm(scope.child("input_layernorm"), config.dModel, config.normEpsilon);
    this.attention = new SelfAttention(scope.child("self_attn"), config, dimensions);
    this.feedForwardNorm = new RmsNorm(scope.child("post_attention_layernorm"), config.dModel, config.normEpsilon);
    this.feedForward = new FeedForward(scope.child("mlp"), config);
    this.dropout = config.dropout;
    this.index = scope.path.slice(scope.path.lastIndexOf(".") + 1);
  }
  forward(x, tables, key) {
    const drop = (y, what) => key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y;
    const mixed = add(x, drop(this.attention.forward(this.attentionNorm.forward(x), tables), "attn"));
    return add(mixed, drop(this.feedForward.forward(this.feedForwardNorm.forward(mixed)), "mlp"));
  }
  decode(x, cache, input2, tables) {
    const [y, next] = this.attention.decode(this.attentionNorm.forward(x), cache, input2, tables);
    const mixed = add(x, y);
    return [add(mixed, this.feedForward.forward(this.feedForwardNorm.forward(mixed))), next];
  }
};
var Decoder = class {
  scope = new Scope();
  dimensions;
  config;
  #settings;
  #embedding;
  #blocks;
  #norm;
  #head;
  /** Throws ConfigError where heads do not divide what they must. */
  constructor(settings, form3 = decoderForms.llama) {
    this.dimensions = checkHeads(settings, { even: true });
    this.config = form3.write(settings, this.dimensions);
    this.#settings = settings;
    const { vocabSize, dModel, nLayers, normEpsilon, tieEmbeddings } = settings;
    const model2 = this.scope.child("model");
    this.#embedding = new Embedding(model2.child("embed_tokens"), vocabSize, dModel, { deviation: initialDeviation });
    this.#blocks = Array.from(
      { length: nLayers },
      (_, i) => new Block2(model2.child("layers").child(i), settings, this.dimensions)
    );
    this.#norm = new RmsNorm(model2.child("norm"), dModel, normEpsilon);
    this.#head = tieEmbeddings ? this.#embedding.weight : new Linear(this.scope.child("lm_head"), dModel, vocabSize, { deviation: initialDeviation }).weight;
  }
  logits(ids2, key) {
    const { dropout: rate } = this.#settings;
    const tables = this.#tables(Number(ids2.shape[1]));
    const embedded = this.#embedding.forward(ids2);
    let x = key ? dropout(embedded, rate, key.split("embed")) : embedded;
    for (const block of this.#blocks) x = block.forward(x, tables, key);
    return linear(this.#norm.forward(x), this.#head);
  }
  decode(input2) {
    const tables = this.#tables(this.#settings.contextLength);
    let x = this.#embedding.forward(input2.ids);
    const caches = this.#blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input2.caches[i], input2, tables);
      x = y;
      return cache;
    });
    return { logits: linear(wantedStates(this.#norm.forward(x), input2), this.#head), caches };
  }
  /** Angles of the positions 0 to length − 1. */
  #tables(length) {
    const { ropeTheta, ropeScaling } = this.#settings;
    return rotaryTables(length, this.dimensions.dHead, ropeTheta, ropeScaling);
  }
};

// src/models/gpt2.ts
var deviation2 = 0.02;
var Projection = class {
  weight;
  bias;
  constructor(scope, inputs, outputs, spread2 = deviation2) {
    this.weight = scope.parameter("weight", [inputs, outputs], { kind: "normal", deviation: spread2 });
    this.bias = scope.parameter("bias", [outputs], { kind: "zeros" });
  }
  /** [..., in] → [..., out]. */
  forward(x) {
    return add(matmul(x, this.weight), this.bias);
  }
};
var Block3 = class {
  attentionNorm;
  qkv;
  attentionOut;
  feedForwardNorm;
  up;
  down;
  dimensions;
  dropout;
  /** Its place, which names its dropout: short, for a name of 8 bytes is drawn from in one step. */
  index;
  constructor(scope, config, dimensions) {
    const { dModel, dFf, nLayers, normEpsilon } = config;
    const residual = deviation2 / Math.sqrt(2 * nLayers);
    this.attentionNorm = new LayerNorm(scope.child("ln_1"), dModel, normEpsilon);
    this.qkv = new Projection(scope.child("attn.c_attn"), dModel, 3 * dModel);
    this.attentionOut = new Projection(scope.child("attn.c_proj"), dModel, dModel, residual);
    this.feedForwardNorm = new LayerNorm(scope.child("ln_2"), dModel, normEpsilon);
    this.up = new Projection(scope.child("mlp.c_fc"), dModel, dFf);
    this.down = new Projection(scope.child("mlp.c_proj"), dFf, dModel, residual);
    this.dimensions = dimensions;
    this.dropout = config.dropout;
    this.index = scope.path.slice(scope.path.lastIndexOf(".") + 1);
  }
  /** x [B, T, C] → [B, T, C]; position t sees positions up to t. */
  forward(x, key) {
    const { nHeads, dHead } = this.dimensions;
    const [B, T, C] = x.shape;
    const drop = (y, what) => key ? dropout(y, this.dropout, key.split(`${what}${this.index}`)) : y;
    const parts = split(this.qkv.forward(this.attentionNorm.forward(x)), 2, [C, C, C]);
    const [q, k, v] = parts.map((part) => reshape(part, [B, T, nHeads, dHead]));
    const mixed = reshape(attention(q, k, v, { causal: true }), [B, T, C]);
    return this.#feedForward(add(x, drop(this.attentionOut.forward(mixed), "attn")), (y) => drop(y, "mlp"));
  }
  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x, cache, { lastPosition, total: total2, bias }) {
    const { nHeads, dHead, dModel: C } = this.dimensions;
    const [q, k, v] = split(this.qkv.forward(this.attentionNorm.forward(x)), 2, [C, C, C]);
    const [mixed, keys, values] = cachedAttention(
      { q, k, v, pastKeys: cache.keys, pastValues: cache.values, lastPosition, total: total2, bias },
      { nHeads, nKvHeads: nHeads, scale: 1 / Math.sqrt(dHead) }
    );
    return [this.#feedForward(add(x, this.attentionOut.forward(mixed)), (y) => y), { keys, values }];
  }
  #feedForward(x, drop) {
    const hidden = gelu(this.up.forward(this.feedForwardNorm.forward(x)), true);
    return add(x, drop(this.down.forward(hidden)));
  }
};
var Gpt2 = class {
  scope = new Scope();
  dimensions;
  config;
  #tokens;
  #positions;
  #blocks;
  #norm;
  #head;
  #dropout;
  /** Throws ConfigError where heads do not divide what they must; there are as many key heads as heads. */
  constructor(settings) {
    const { vocabSize, contextLength, dModel, nLayers, normEpsilon, tieEmbeddings } = settings;
    this.dimensions = checkHeads({ ...settings, nKvHeads: settings.nHeads }, { even: false });
    this.config = gpt2Config(settings);
    const model2 = this.scope.child("transformer");
    this.#tokens = new Embedding(model2.child("wte"), vocabSize, dModel, { deviation: deviation2 });
    this.#positions = new Embedding(model2.child("wpe"), contextLength, dModel, { deviation: deviation2 / 2 });
    this.#blocks = Array.from(
      { length: nLayers },
      (_, i) => new Block3(model2.child("h").child(i), settings, this.dimensions)
    );
    this.#norm = new LayerNorm(model2.child("ln_f"), dModel, normEpsilon);
    this.#head = tieEmbeddings ? this.#tokens.weight : new Linear(this.scope.child("lm_head"), dModel, vocabSize, { deviation: deviation2 }).weight;
    this.#dropout = settings.dropout;
  }
  logits(ids2, key) {
    const positions2 = slice(this.#positions.weight, 0, 0, Number(ids2.shape[1]));
    const embedded = add(this.#tokens.forward(ids2), positions2);
    let x = key ? dropout(embedded, this.#dropout, key.split("embed")) : embedded;
    for (const block of this.#blocks) x = block.forward(x, key);
    return linear(this.#norm.forward(x), this.#head);
  }
  decode(input2) {
    let x = add(this.#tokens.forward(input2.ids), gather(this.#positions.weight, input2.positions));
    const caches = this.#blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input2.caches[i], input2);
      x = y;
      return cache;
    });
    return { logits: linear(wantedStates(this.#norm.forward(x), input2), this.#head), caches };
  }
};
function gpt2Config(settings) {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: settings.vocabSize,
    n_positions: settings.contextLength,
    n_ctx: settings.contextLength,
    n_embd: settings.dModel,
    n_inner: settings.dFf,
    n_layer: settings.nLayers,
    n_head: settings.nHeads,
    activation_function: "gelu_new",
    layer_norm_epsilon: settings.normEpsilon,
    embd_pdrop: settings.dropout,
    resid_pdrop: settings.dropout,
    attn_pdrop: 0,
    initializer_range: deviation2,
    tie_word_embeddings: settings.tieEmbeddings,
    torch_dtype: "float32",
    bos_token_id: settings.bosTokenId ?? null,
    eos_token_id: settings.eosTokenId ?? null
  };
}

// src/models/t5.ts
init_errors();

// src/nn/relative-bias.ts
var RelativeBias = class {
  /** [buckets, H]. */
  weight;
  options;
  constructor(scope, options) {
    const { buckets, nHeads, deviation: deviation3 } = options;
    this.weight = scope.parameter("weight", [buckets, nHeads], { kind: "normal", deviation: deviation3 });
    this.options = options;
  }
  /** int32 positions of queries [B or 1, T] and of keys [S] → [B or 1, H, T, S], of known or unknown sizes. */
  forward(queries2, keys) {
    const { maxDistance } = this.options;
    const [B, T] = queries2.shape;
    const distance = sub(cast(keys, "float32"), reshape(cast(queries2, "float32"), [B, T, 1]));
    const clipped = minimum(maximum(distance, -maxDistance), maxDistance);
    const bucket = gather(this.#table(), cast(add(clipped, maxDistance), "int32"));
    return transpose(gather(this.weight, bucket), [0, 3, 1, 2]);
  }
  /** The bucket of each distance from −maxDistance to maxDistance: int32 [2 · maxDistance + 1]. */
  #table() {
    const { maxDistance } = this.options;
    const data2 = Int32Array.from({ length: 2 * maxDistance + 1 }, (_, i) => bucketOf(i - maxDistance, this.options));
    return constant({ dtype: "int32", shape: [data2.length], data: data2 });
  }
};
function bucketOf(distance, { buckets, maxDistance, bidirectional }) {
  const count2 = bidirectional ? buckets / 2 : buckets;
  const first2 = bidirectional && distance > 0 ? count2 : 0;
  const n2 = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(count2 / 2);
  if (n2 < exact) return first2 + n2;
  const share = Math.fround(Math.fround(Math.log(n2 / exact)) / Math.fround(Math.log(maxDistance / exact)));
  return first2 + Math.min(count2 - 1, exact + Math.floor(Math.fround(share * (count2 - exact))));
}

// src/models/t5-forms.ts
init_errors();
import { z as z16 } from "zod";
var size5 = z16.number().int().positive();
var id4 = z16.number().int().nonnegative();
var feedForward = z16.enum(["relu", "gated-gelu"]);
var schema2 = z16.object({
  vocab_size: size5,
  d_model: size5,
  d_kv: size5,
  d_ff: size5,
  num_layers: size5,
  num_decoder_layers: size5.nullish(),
  num_heads: size5,
  /** What it was trained on; positions are relative, so more would compute. */
  n_positions: size5.default(512),
  relative_attention_num_buckets: size5.default(32),
  relative_attention_max_distance: size5.default(128),
  layer_norm_epsilon: z16.number().positive().default(1e-6),
  feed_forward_proj: feedForward.optional(),
  tie_word_embeddings: z16.boolean().default(true),
  /** Since transformers 5, which calls all T5s tied, what tells those apart that are not. */
  scale_decoder_outputs: z16.boolean().optional(),
  pad_token_id: id4.nullish(),
  eos_token_id: id4.nullish(),
  decoder_start_token_id: id4.nullish()
});
function form2({ modelType, className, usual: usual2, neverTied }) {
  return {
    modelType,
    read: (json, source) => {
      const config = checkValue(json, schema2, source, CheckpointError);
      return {
        vocabSize: config.vocab_size,
        contextLength: config.n_positions,
        dModel: config.d_model,
        nEncoderLayers: config.num_layers,
        nLayers: config.num_decoder_layers ?? config.num_layers,
        nHeads: config.num_heads,
        dHead: config.d_kv,
        dFf: config.d_ff,
        gated: (config.feed_forward_proj ?? usual2) === "gated-gelu",
        dropout: 0,
        tieEmbeddings: !neverTied && config.tie_word_embeddings && config.scale_decoder_outputs !== false,
        normEpsilon: config.layer_norm_epsilon,
        buckets: config.relative_attention_num_buckets,
        maxDistance: config.relative_attention_max_distance,
        padTokenId: config.pad_token_id ?? 0,
        eosTokenId: config.eos_token_id ?? 1,
        startTokenId: config.decoder_start_token_id ?? config.pad_token_id ?? 0
      };
    },
    write: (settings) => ({ architectures: [className], model_type: modelType, ...keysOf(settings) })
  };
}
function keysOf(settings) {
  return {
    vocab_size: settings.vocabSize,
    d_model: settings.dModel,
    d_kv: settings.dHead,
    d_ff: settings.dFf,
    num_layers: settings.nEncoderLayers,
    num_decoder_layers: settings.nLayers,
    num_heads: settings.nHeads,
    n_positions: settings.contextLength,
    relative_attention_num_buckets: settings.buckets,
    relative_attention_max_distance: settings.maxDistance,
    layer_norm_epsilon: settings.normEpsilon,
    feed_forward_proj: settings.gated ? "gated-gelu" : "relu",
    dropout_rate: settings.dropout,
    is_encoder_decoder: true,
    tie_word_embeddings: settings.tieEmbeddings,
    use_cache: true,
    torch_dtype: "float32",
    pad_token_id: settings.padTokenId,
    eos_token_id: settings.eosTokenId,
    decoder_start_token_id: settings.startTokenId
  };
}
var t5Forms = {
  t5: form2({ modelType: "t5", className: "T5ForConditionalGeneration", usual: "relu", neverTied: false }),
  mt5: form2({ modelType: "mt5", className: "MT5ForConditionalGeneration", usual: "gated-gelu", neverTied: true })
};

// src/models/t5.ts
var Attention = class {
  q;
  k;
  v;
  o;
  nHeads;
  constructor(scope, { dModel, nHeads, dHead }) {
    const width = nHeads * dHead;
    const into = (name, deviation3) => new Linear(scope.child(name), dModel, width, { deviation: deviation3 });
    this.q = into("q", (dModel * dHead) ** -0.5);
    this.k = into("k", dModel ** -0.5);
    this.v = into("v", dModel ** -0.5);
    this.o = new Linear(scope.child("o"), width, dModel, { deviation: width ** -0.5 });
    this.nHeads = nHeads;
  }
  /** States [B, S, C] → keys and values [B, H, S, D]. */
  project(states) {
    return {
      keys: splitHeads(this.k.forward(states), this.nHeads),
      values: splitHeads(this.v.forward(states), this.nHeads)
    };
  }
  /** x [B, T, C] over keys and values [B or 1, H, S, D], a bias added to the scores → [B, T, C]. */
  forward(x, { keys, values }, bias) {
    const q = splitHeads(this.q.forward(x), this.nHeads);
    return this.o.forward(joinHeads(maskedAttention(q, keys, values, bias, 1)));
  }
  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x, cache, { lastPosition, total: total2 }, bias) {
    const [q, k, v] = [this.q.forward(x), this.k.forward(x), this.v.forward(x)];
    const [mixed, keys, values] = cachedAttention(
      { q, k, v, pastKeys: cache.keys, pastValues: cache.values, lastPosition, total: total2, bias },
      { nHeads: this.nHeads, nKvHeads: this.nHeads, scale: 1 }
    );
    return [this.o.forward(mixed), { keys, values }];
  }
};
var FeedForward2 = class {
  up;
  gate;
  down;
  constructor(scope, { dModel, dFf, gated }) {
    const up = (name) => new Linear(scope.child(name), dModel, dFf, { deviation: dModel ** -0.5 });
    this.gate = gated ? up("wi_0") : void 0;
    this.up = up(gated ? "wi_1" : "wi");
    this.down = new Linear(scope.child("wo"), dFf, dModel, { deviation: dFf ** -0.5 });
  }
  /** [B, T, C] → [B, T, C]. */
  forward(x) {
    const hidden = this.up.forward(x);
    return this.down.forward(this.gate ? mul(gelu(this.gate.forward(x), true), hidden) : relu(hidden));
  }
};
var Block4 = class {
  attentionNorm;
  attention;
  sourceNorm;
  sourceAttention;
  feedForwardNorm;
  feedForward;
  constructor(scope, config, { looksAtSource }) {
    const part = (index) => scope.child("layer").child(index);
    const norm = (index) => new RmsNorm(part(index).child("layer_norm"), config.dModel, config.normEpsilon);
    this.attention = new Attention(part(0).child("SelfAttention"), config);
    this.attentionNorm = norm(0);
    this.sourceAttention = looksAtSource ? new Attention(part(1).child("EncDecAttention"), config) : void 0;
    this.sourceNorm = looksAtSource ? norm(1) : void 0;
    const end = looksAtSource ? 2 : 1;
    this.feedForward = new FeedForward2(part(end).child("DenseReluDense"), config);
    this.feedForwardNorm = norm(end);
  }
  /** x [B, T, C] → [B, T, C]; `bias` is of attention to itself, `source` what the decoder looks at. */
  forward(x, bias, source, drop) {
    const y = this.attentionNorm.forward(x);
    return this.#rest(add(x, drop(this.attention.forward(y, this.attention.project(y), bias), "attn")), source, drop);
  }
  /** x [B, T, C] after what the cache holds → [B, T, C] and the longer cache. */
  decode(x, cache, input2, bias, source) {
    const [y, next] = this.attention.decode(this.attentionNorm.forward(x), cache, input2, bias);
    return [this.#rest(add(x, y), source, (z19) => z19), next];
  }
  /** What follows attention to itself. */
  #rest(x, source, drop) {
    const seen = source && this.sourceAttention?.forward(this.sourceNorm.forward(x), source.cache, source.mask);
    const mixed = seen ? add(x, drop(seen, "src")) : x;
    return add(mixed, drop(this.feedForward.forward(this.feedForwardNorm.forward(mixed)), "mlp"));
  }
};
var Stack = class {
  bias;
  blocks;
  norm;
  constructor(scope, config, layers, options) {
    const { nHeads, buckets, maxDistance, dModel, normEpsilon } = config;
    const place = scope.child("block.0.layer.0.SelfAttention.relative_attention_bias");
    const sizes = { nHeads, buckets, maxDistance, deviation: dModel ** -0.5 };
    this.bias = new RelativeBias(place, { ...sizes, bidirectional: !options.looksAtSource });
    this.blocks = Array.from({ length: layers }, (_, i) => new Block4(scope.child("block").child(i), config, options));
    this.norm = new RmsNorm(scope.child("final_layer_norm"), dModel, normEpsilon, options.gain);
  }
};
var T5 = class {
  scope = new Scope();
  dimensions;
  config;
  #settings;
  #embedding;
  #encoder;
  #decoder;
  #output;
  /** Throws ConfigError for sizes that are no sizes and for an odd number of buckets. */
  constructor(settings, form3 = t5Forms.t5) {
    const { vocabSize, dModel, nEncoderLayers, nLayers, nHeads, buckets, maxDistance } = settings;
    if (!(Number.isInteger(buckets / 2) && buckets >= 4 && maxDistance > buckets / 2))
      throw new ConfigError(
        `t5: ${buckets} buckets up to distance ${maxDistance}, wanted an even number from 4 and more than half of it as distance`,
        { buckets, maxDistance }
      );
    checkHeads({ ...settings, nLayers: nEncoderLayers, nKvHeads: nHeads }, { even: false });
    this.dimensions = { ...checkHeads({ ...settings, nKvHeads: nHeads }, { even: false }), nEncoderLayers };
    this.config = form3.write(settings);
    this.#settings = settings;
    const deviation3 = initialDeviation;
    this.#embedding = new Embedding(this.scope.child("shared"), vocabSize, dModel, { deviation: deviation3 });
    this.#encoder = new Stack(this.scope.child("encoder"), settings, nEncoderLayers, { looksAtSource: false, gain: 1 });
    const gain = settings.tieEmbeddings ? Math.sqrt(dModel) : 1;
    this.#decoder = new Stack(this.scope.child("decoder"), settings, nLayers, { looksAtSource: true, gain });
    this.#output = settings.tieEmbeddings ? this.#embedding.weight : new Linear(this.scope.child("lm_head"), dModel, vocabSize, { deviation: deviation3 }).weight;
  }
  encode(source, key) {
    const { bias, blocks, norm } = this.#encoder;
    const positions2 = source.positions ?? iota(staticShape("t5 encoder", [source.ids.shape[1]])[0]);
    const seen = add(bias.forward(oneRow(positions2), positions2), paddingMask(source.mask));
    let x = this.#dropper("e", key)(this.#embedding.forward(source.ids), "embed");
    for (const [i, block] of blocks.entries()) x = block.forward(x, seen, void 0, this.#dropper(`e${i}`, key));
    return this.#dropper("e", key)(norm.forward(x), "last");
  }
  logits(source, ids2, key) {
    const layers = this.sourceLayers(this.encode(source, key));
    const mask2 = paddingMask(source.mask);
    const T = staticShape("t5 decoder", [ids2.shape[1]])[0];
    const { bias, blocks, norm } = this.#decoder;
    const seen = add(bias.forward(oneRow(iota(T)), iota(T)), causalMask2(T));
    let x = this.#dropper("d", key)(this.#embedding.forward(ids2), "embed");
    for (const [i, block] of blocks.entries())
      x = block.forward(x, seen, { cache: layers[i], mask: mask2 }, this.#dropper(`d${i}`, key));
    return this.#logitsOf(this.#dropper("d", key)(norm.forward(x), "last"));
  }
  sourceLayers(states) {
    return this.#decoder.blocks.map((block) => block.sourceAttention.project(states));
  }
  decode(input2, source) {
    const { bias, blocks, norm } = this.#decoder;
    const mask2 = paddingMask(source.mask);
    const seen = bias.forward(input2.positions, iota(this.#settings.contextLength));
    let x = this.#embedding.forward(input2.ids);
    const caches = blocks.map((block, i) => {
      const [y, cache] = block.decode(x, input2.caches[i], input2, seen, { cache: source.layers[i], mask: mask2 });
      x = y;
      return cache;
    });
    return { logits: this.#logitsOf(wantedStates(norm.forward(x), input2)), caches };
  }
  #logitsOf(x) {
    const { tieEmbeddings, dModel } = this.#settings;
    return linear(tieEmbeddings ? mul(x, dModel ** -0.5) : x, this.#output);
  }
  #dropper(place, key) {
    return (y, what) => key ? dropout(y, this.#settings.dropout, key.split(`${what}${place}`)) : y;
  }
};
function oneRow(x) {
  return reshape(x, [1, x.shape[0]]);
}
function causalMask2(T) {
  const data2 = new Float32Array(T * T);
  for (let t = 0; t < T; t++) data2.fill(-1e9, t * T + t + 1, (t + 1) * T);
  return constant({ dtype: "float32", shape: [T, T], data: data2 });
}

// src/models/unsupported.ts
var missing = {
  bart: "post-norm encoder-decoders with learned positions",
  bloom: "attention biased by distance (ALiBi)",
  deberta: "disentangled attention",
  "deberta-v2": "disentangled attention",
  deepseek_v2: "latent attention and mixtures of experts",
  deepseek_v3: "latent attention and mixtures of experts",
  electra: "a discriminator of replaced words",
  falcon: "attention and feed-forward side by side",
  gemma: "scaled embeddings and norms of 1 + weight",
  gemma2: "soft-capped logits and windows in every other layer",
  gemma3_text: "windows and rotary bases that differ between layers",
  gpt_neo: "local attention in every other layer",
  gpt_neox: "attention and feed-forward side by side, and rotation of a part of each head",
  gptj: "attention and feed-forward side by side, and rotation of a part of each head",
  mamba: "selective state spaces",
  mamba2: "selective state spaces",
  marian: "post-norm encoder-decoders with sinusoidal positions",
  mbart: "encoder-decoders with learned positions",
  mixtral: "mixtures of experts",
  olmo2: "norms after attention and feed-forward",
  opt: "ReLU decoders with learned positions that begin at 2",
  pegasus: "encoder-decoders with sinusoidal positions",
  phi: "attention and feed-forward side by side, and rotation of a part of each head",
  phi3: "matrices that hold queries, keys and values together",
  qwen2_moe: "mixtures of experts",
  qwen3_moe: "mixtures of experts",
  smollm3: "layers without rotary positions",
  umt5: "relative biases in every layer",
  whisper: "an encoder of sound"
};
function whatIsMissing(modelType) {
  return Object.hasOwn(missing, modelType) ? `, it needs ${missing[modelType]}` : "";
}

// src/models/registry.ts
var size6 = z17.number().int().positive();
var gpt2Schema = z17.object({
  vocab_size: size6,
  n_positions: size6,
  n_embd: size6,
  n_inner: size6.nullish(),
  n_layer: size6,
  n_head: size6,
  activation_function: z17.enum(["gelu_new", "gelu_pytorch_tanh"]).default("gelu_new"),
  layer_norm_epsilon: z17.number().positive().default(1e-5),
  scale_attn_weights: z17.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z17.literal(false).default(false),
  tie_word_embeddings: z17.boolean().default(true),
  ...tokenIdKeys
});
function readGpt2(json, source) {
  const config = checkValue(json, gpt2Schema, source, CheckpointError);
  return {
    vocabSize: config.vocab_size,
    contextLength: config.n_positions,
    dModel: config.n_embd,
    nLayers: config.n_layer,
    nHeads: config.n_head,
    nKvHeads: config.n_head,
    dFf: config.n_inner ?? 4 * config.n_embd,
    dropout: 0,
    tieEmbeddings: config.tie_word_embeddings,
    ropeTheta: 1e4,
    normEpsilon: config.layer_norm_epsilon,
    ...tokenIds(config)
  };
}
var causalCopies = /^lm_head\.weight$|\.attn\.(bias|masked_bias)$|rotary_emb\.inv_freq$/;
function decoderRow(name, title, form3) {
  return {
    name,
    title,
    modelType: form3.modelType,
    unneeded: causalCopies,
    read: form3.read,
    build: (settings) => new Decoder({ ...settings, ...form3.always }, form3)
  };
}
var gpt2Row = {
  name: "gpt2",
  title: "GPT-2",
  modelType: "gpt2",
  unneeded: causalCopies,
  read: readGpt2,
  build: (settings) => new Gpt2(settings)
};
var architectures = [
  decoderRow("decoder", "Llama decoder", decoderForms.llama),
  gpt2Row,
  decoderRow("mistral", "Mistral decoder", decoderForms.mistral),
  decoderRow("qwen2", "Qwen2 decoder", decoderForms.qwen2),
  decoderRow("qwen3", "Qwen3 decoder", decoderForms.qwen3)
];
function bertRow(title, form3) {
  const { modelType, unneeded, read: read2 } = form3;
  return { name: modelType, title, modelType, unneeded, read: read2, build: (settings) => new Bert(settings, form3) };
}
var maskedArchitectures = [
  bertRow("BERT", bertForms.bert),
  bertRow("DistilBERT", bertForms.distilbert),
  bertRow("RoBERTa", bertForms.roberta),
  bertRow("XLM-RoBERTa", bertForms["xlm-roberta"]),
  bertRow("CamemBERT", bertForms.camembert)
];
var t5Copies = /^(encoder|decoder)\.embed_tokens\.weight$|EncDecAttention\.relative_attention_bias\.weight$/;
function t5Row(title, form3) {
  const { modelType, read: read2 } = form3;
  return { name: modelType, title, modelType, unneeded: t5Copies, read: read2, build: (settings) => new T5(settings, form3) };
}
var sequenceArchitectures = [t5Row("T5", t5Forms.t5), t5Row("mT5", t5Forms.mt5)];
var families2 = {
  causal: { does: "continue texts", rows: architectures },
  masked: { does: "fill gaps in texts", rows: maskedArchitectures },
  sequenceToSequence: { does: "read one text and write another", rows: sequenceArchitectures }
};
function whatFamilyDoes(family) {
  return families2[family].does;
}
var architectureNames = Object.values(families2).flatMap(({ rows }) => rows.map(({ name }) => name));
function familyOf(config, source) {
  const type = modelTypeOf(config, source);
  const found = Object.entries(families2).find(([, { rows }]) => rows.some(({ modelType }) => modelType === type));
  if (found) return found[0];
  const known2 = Object.values(families2).map(({ does, rows }) => `${typesOf(rows)} (${does})`);
  throw new CheckpointError(
    `${source}: model_type ${JSON.stringify(type)} is not supported${whatIsMissing(type)}; supported are ${known2.join("; ")}`,
    { type }
  );
}
function rowOf(family, config, source) {
  const found = familyOf(config, source);
  const type = modelTypeOf(config, source);
  const { does, rows } = families2[family];
  const row = rows.find(({ modelType }) => modelType === type);
  if (row) return row;
  throw new CheckpointError(
    `${source}: model_type ${JSON.stringify(type)} is of models that ${families2[found].does}, wanted one of those that ${does}: ${typesOf(rows)}`,
    { type, family: found }
  );
}
var anyConfig = z17.object({ model_type: z17.string(), quantization_config: z17.unknown().optional() });
function modelTypeOf(config, source) {
  const { model_type: type, quantization_config: quantized } = checkValue(config, anyConfig, source, CheckpointError);
  if (quantized == null || isQuantized(config)) return type;
  throw new CheckpointError(
    `${source}: quantization_config says that the weights are quantized; load a copy that is not`
  );
}
function typesOf(rows) {
  return rows.map(({ modelType }) => modelType).join(", ");
}

// src/models/stored-weights.ts
init_errors();
import { stat as stat2 } from "node:fs/promises";
import { basename, dirname, join as join6 } from "node:path";
async function readAndLeaveWeights(scope, reader3, folder2, unneeded) {
  const names = namesInFile(scope, reader3, folder2, unneeded);
  const places = placesToStay(scope, names, reader3);
  const parameters = [...scope.parameters.values()];
  const read2 = parameters.filter(({ name }) => !places.has(name));
  const weights = await readNamed(read2, names, reader3, folder2);
  const room = new Uint8Array(1 << 20);
  for (const name of places.keys()) {
    let begin = 0;
    for await (const piece of reader3.floatPieces(names.get(name), room)) {
      checkFinite(piece, name, folder2, begin);
      begin += piece.length;
    }
  }
  const [first2] = places.values();
  const named = [...places].map(([name, place]) => [name, { ...place, file: basename(place.file) }]);
  return { weights, stored: { folder: first2 ? dirname(first2.file) : folder2, places: Object.fromEntries(named) } };
}
async function checkUnchanged({ folder: folder2, places }) {
  const versions = new Map(Object.values(places).map(({ file, version: version2 }) => [file, version2]));
  for (const [file, version2] of versions) {
    const found = await stat2(join6(folder2, file)).then(versionOf, () => void 0);
    if (found !== version2)
      throw new CheckpointError(`load: ${join6(folder2, file)} was replaced while it was read; load it again`, { file });
  }
}
var leastToLeave = 1 << 16;
function placesToStay({ parameters }, names, reader3) {
  const places = [...parameters.keys()].filter((name) => reader3.tensors.get(names.get(name)).dtype === "F32").map((name) => [name, reader3.placeOf(names.get(name))]).filter(([, { byteOffset, byteLength }]) => byteLength >= leastToLeave && byteOffset % 4 === 0);
  const [first2] = places;
  return new Map(places.filter(([, { file }]) => dirname(file) === dirname(first2[1].file)));
}

// src/models/checkpoint.ts
function loadModel(folder2, options = {}) {
  return loadWithAdapter("causal", folder2, (config, source) => rowOf("causal", config, source), options);
}
function loadMaskedModel(folder2, options = {}) {
  return loadWithAdapter("masked", folder2, (config, source) => rowOf("masked", config, source), options);
}
function loadSequenceModel(folder2, options = {}) {
  const choose = (config, source) => rowOf("sequenceToSequence", config, source);
  return loadWithAdapter("sequenceToSequence", folder2, choose, options);
}
var loaders = { causal: loadModel, masked: loadMaskedModel, sequenceToSequence: loadSequenceModel };
function loadAnyModel(family, folder2) {
  return loaders[family](folder2);
}
async function familyOfFolder(folder2) {
  const source = join7(await folderHolding(folder2, "config.json"), "config.json");
  return familyOf(await readJsonFile(source, z18.unknown()), source);
}
async function loadWithAdapter(family, folder2, choose, options) {
  if (!isAdapter(folder2)) return load(folder2, choose, options);
  const { base, lora } = await readAdapterConfig(folder2);
  const loaded2 = await load(base, choose, options);
  const { architecture, weights, metadata } = await readAdapter(folder2, family, loaded2.architecture, lora);
  await checkBase(folder2, base, metadata.baseDigest);
  return { ...loaded2, architecture, weights: { ...loaded2.weights, ...weights }, metadata };
}
async function checkBase(folder2, base, wanted2) {
  if (wanted2 === void 0) return;
  const found = await modelDigest(base);
  if (found === wanted2) return;
  throw new CheckpointError(
    `${folder2}: it adapts model ${wanted2.slice(0, 16)}\u2026, but ${base} is ${found.slice(0, 16)}\u2026 by now; put the first one back there, or train another adapter`,
    { folder: folder2, base, found, wanted: wanted2 }
  );
}
async function load(folder2, choose, { leave = false }) {
  const source = join7(folder2, "config.json");
  const config = await readJsonFile(source, z18.unknown());
  const row = choose(config, source);
  const architecture = row.build(row.read(config, source));
  const reader3 = await openCheckpoint(folder2);
  try {
    const all2 = architecture.scope.parameters;
    const quantized = isQuantized(config) ? await readQuantized(all2.values(), reader3, folder2) : {};
    const parts = new Set(Object.keys(partsOf(quantized)));
    const rest = { parameters: new Map([...all2].filter(([name]) => !(name in quantized))) };
    const others = { ...reader3, tensors: new Map([...reader3.tensors].filter(([name]) => !parts.has(name))) };
    const read2 = leave ? await readAndLeaveWeights(rest, others, folder2, row.unneeded) : { weights: await readWeights(rest, others, folder2, row.unneeded) };
    return { row, architecture, ...read2, quantized, metadata: reader3.metadata };
  } finally {
    await reader3.close();
  }
}

// src/runtime/index.ts
init_errors();
async function createEngine(name, options = {}) {
  if (name === "cpu" || name === "cuda") {
    const { createNativeEngine: createNativeEngine2 } = await Promise.resolve().then(() => (init_engine(), engine_exports));
    return createNativeEngine2(name, options);
  }
  if (name === "wasm" || name === "webgpu") {
    const { createWebEngine: createWebEngine2 } = await Promise.resolve().then(() => (init_engine2(), engine_exports2));
    return createWebEngine2(name, options);
  }
  throw new EngineError(`createEngine: there is no engine ${name}, wanted cpu, cuda, wasm or webgpu`, { name });
}

// src/sample/gather.ts
init_errors();

// src/sample/quickselect.ts
function whereSumReaches(order, n2, keys, shares, budget) {
  let low = 0;
  let high = n2 - 1;
  let missing2 = budget;
  while (low < high) {
    const pivot = partition(order, keys, low, high);
    let before = 0;
    for (let i = low; i < pivot; i++) before += shares[order[i]];
    const through = before + shares[order[pivot]];
    if (before >= missing2) high = pivot - 1;
    else if (through >= missing2) return order[pivot];
    else {
      missing2 -= through;
      low = pivot + 1;
    }
  }
  return order[Math.min(low, n2 - 1)];
}
function partition(order, keys, low, high) {
  swap(order, medianOfThree(order, keys, low, high), high);
  const pivot = order[high];
  const pivotKey = keys[pivot];
  let end = low;
  for (let i = low; i < high; i++) {
    const index = order[i];
    const key = keys[index];
    if (key > pivotKey || key === pivotKey && index < pivot) {
      order[i] = order[end];
      order[end++] = index;
    }
  }
  swap(order, end, high);
  return end;
}
function medianOfThree(order, keys, low, high) {
  const middle = low + high >> 1;
  const ordered2 = ranksBefore(order, keys, low, high);
  const first2 = ordered2 ? low : high;
  const last3 = ordered2 ? high : low;
  if (ranksBefore(order, keys, middle, first2)) return first2;
  return ranksBefore(order, keys, middle, last3) ? middle : last3;
}
function ranksBefore(order, keys, a, b) {
  const x = order[a];
  const y = order[b];
  const keyX = keys[x];
  const keyY = keys[y];
  return keyX > keyY || keyX === keyY && x < y;
}
function swap(order, a, b) {
  const held = order[a];
  order[a] = order[b];
  order[b] = held;
}

// src/sample/candidates.ts
var bucketCount = 512;
var bucketsPerUnit = 16;
function createCandidates(vocabSize) {
  return {
    count: 0,
    ids: new Int32Array(vocabSize),
    scores: new Float64Array(vocabSize),
    weights: new Float64Array(vocabSize),
    total: 0,
    keys: new Float64Array(vocabSize),
    order: new Int32Array(vocabSize),
    buckets: new Float64Array(bucketCount)
  };
}
function keepAtLeast(candidates, least2) {
  const { ids: ids2, scores, weights, count: count2 } = candidates;
  let kept = 0;
  let total2 = 0;
  for (let i = 0; i < count2; i++) {
    const weight = weights[i];
    if (weight < least2) continue;
    ids2[kept] = ids2[i];
    scores[kept] = scores[i];
    weights[kept++] = weight;
    total2 += weight;
  }
  candidates.count = kept;
  candidates.total = total2;
}
function keepHeaviest(candidates, keys, shares, budget) {
  const { order, buckets, count: count2 } = candidates;
  buckets.fill(0);
  for (let i = 0; i < count2; i++) buckets[bucketOf2(keys[i])] += shares[i];
  let bucket = 0;
  let missing2 = budget;
  while (bucket < bucketCount - 1 && buckets[bucket] < missing2) missing2 -= buckets[bucket++];
  let members = 0;
  for (let i = 0; i < count2; i++) {
    order[members] = i;
    members += Number(bucketOf2(keys[i]) === bucket);
  }
  if (members > 0) keepThrough(candidates, keys, whereSumReaches(order, members, keys, shares, missing2));
  else keepAtLeast(candidates, 0);
}
function bucketOf2(key) {
  return key > -bucketCount / bucketsPerUnit ? -key * bucketsPerUnit | 0 : bucketCount - 1;
}
function keepThrough(candidates, keys, last3) {
  const { ids: ids2, scores, weights, count: count2 } = candidates;
  const lastKey = keys[last3];
  let kept = 0;
  let total2 = 0;
  for (let i = 0; i < count2; i++) {
    const key = keys[i];
    if (key < lastKey || key === lastKey && i > last3) continue;
    ids2[kept] = ids2[i];
    scores[kept] = scores[i];
    const weight = weights[i];
    weights[kept++] = weight;
    total2 += weight;
  }
  candidates.count = kept;
  candidates.total = total2;
}

// src/sample/exponential.ts
var resolution = 64;
var lowest = -700;
var powers = new Float64Array(-lowest * resolution + 1);
powers[0] = 1;
for (let j = 1; j < powers.length; j++) {
  const half = powers[j >> 1];
  powers[j] = half * half * (j % 2 === 1 ? 0.9844964370054085 : 1);
}
function expNegative(x) {
  if (x < lowest) return 0;
  const j = 0.5 - x * resolution | 0;
  const r = x + j / resolution;
  return powers[j] * (1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24)))));
}

// src/sample/gather.ts
var blockSize = 32;
function gather2(logits, topK, candidates) {
  const top = greatestAllowed(logits);
  collect(logits, top, topK > 0 ? boundOfGreatest(logits, topK, candidates) : -Number.MAX_VALUE, candidates);
  const { scores, weights, count: count2 } = candidates;
  if (topK === 0 || topK >= count2) return;
  weights.fill(1, 0, count2);
  keepHeaviest(candidates, scores, weights, topK);
}
function greatestAllowed(logits) {
  const top = greatest(logits);
  if (top > Number.NEGATIVE_INFINITY) return top;
  throw new ConfigError("sample: got no id that may follow, wanted one; loosen the constraint or the logit bias");
}
function collect(logits, top, bound2, candidates) {
  const { ids: ids2, scores } = candidates;
  let count2 = 0;
  for (let id5 = 0; id5 < logits.length; id5++) {
    const logit = logits[id5];
    ids2[count2] = id5;
    scores[count2] = logit - top;
    count2 += Number(!(logit < bound2));
  }
  candidates.count = count2;
}
function inverse(temperature) {
  return Math.min(1 / temperature, Number.MAX_VALUE);
}
function boundOfGreatest(logits, k, { keys, weights, order }) {
  const blocks = Math.floor(logits.length / blockSize);
  if (k > blocks) return -Number.MAX_VALUE;
  for (let block = 0; block < blocks; block++) {
    let maximum2 = Number.NEGATIVE_INFINITY;
    const end = (block + 1) * blockSize;
    for (let id5 = end - blockSize; id5 < end; id5++) maximum2 = Math.max(maximum2, logits[id5]);
    keys[block] = maximum2;
    weights[block] = 1;
    order[block] = block;
  }
  return Math.max(keys[whereSumReaches(order, blocks, keys, weights, k)], -Number.MAX_VALUE);
}
function temper(candidates, temperature) {
  const { scores, weights, count: count2 } = candidates;
  const scale = inverse(temperature);
  let total2 = 0;
  for (let i = 0; i < count2; i++) {
    const score2 = scores[i] * scale;
    const weight = expNegative(score2);
    scores[i] = score2;
    weights[i] = weight;
    total2 += weight;
  }
  candidates.total = total2;
}
function greatest(values) {
  let a = Number.NEGATIVE_INFINITY;
  let b = a;
  let c = a;
  let d = a;
  let i = 0;
  for (; i + 3 < values.length; i += 4) {
    if (values[i] > a) a = values[i];
    if (values[i + 1] > b) b = values[i + 1];
    if (values[i + 2] > c) c = values[i + 2];
    if (values[i + 3] > d) d = values[i + 3];
  }
  for (; i < values.length; i++) if (values[i] > a) a = values[i];
  return Math.max(a, b, c, d);
}

// src/sample/history.ts
function createHistory(prompt2, capacity2) {
  const ids2 = new Int32Array(Math.max(capacity2, prompt2.length));
  ids2.set(prompt2);
  return { ids: ids2, length: prompt2.length, promptLength: prompt2.length };
}
function extended(history, id5) {
  const ids2 = history.ids.slice();
  ids2[history.length] = id5;
  return { ...history, ids: ids2, length: history.length + 1 };
}

// src/sample/log-probabilities.ts
init_errors();
function logNormalizer(logits, position = { row: 0, step: 0 }) {
  const top = greatest(logits);
  let sum2 = 0;
  for (let id5 = 0; id5 < logits.length; id5++) sum2 += expNegative(logits[id5] - top);
  if (!(sum2 > 0)) throw notFinite(logits, position);
  return top + Math.log(sum2);
}
function likeliest(logits, normalizer, count2, room) {
  gather2(logits, count2, room);
  const found = Array.from({ length: room.count }, (_, i) => ({
    id: room.ids[i],
    logProbability: logits[room.ids[i]] - normalizer
  }));
  return found.sort((a, b) => b.logProbability - a.logProbability || a.id - b.id);
}
function notFinite(logits, { row, step }) {
  const id5 = logits.findIndex((logit) => !(logit < Number.POSITIVE_INFINITY));
  const got = id5 < 0 ? "\u2212\u221E for every id" : `${logits[id5]} at id ${id5}`;
  return new DivergenceError(
    `logits: got ${got}, row ${row}, step ${step}, wanted finite numbers; is the model damaged?`,
    {
      row,
      step,
      id: id5
    }
  );
}

// src/sample/beam-group.ts
var BeamGroup = class {
  #search;
  #beams;
  #firstRow;
  #logProbabilities;
  #living;
  #complete = [];
  /** Group number `at`, with nothing after the prompt, whose sequence is the state's first. */
  constructor(search, prompt2, at) {
    this.#search = search;
    this.#beams = search.settings.beams / search.settings.beamGroups;
    this.#firstRow = at * this.#beams;
    this.#logProbabilities = new Float32Array(search.model.vocabSize);
    this.#living = [{ history: createHistory(prompt2, search.limit), tokens: [], sum: 0, row: 0, from: 0 }];
  }
  /** Beams that go on, best first; none when the search is decided. */
  get living() {
    return this.#living;
  }
  /** As many as there are beams at most, best first. */
  get complete() {
    return this.#complete;
  }
  /** Completes and extends the beams. `penalties`, one an id, are taken off the log-probabilities. */
  step(logits, penalties) {
    const survivors = [];
    for (const [rank, expansion] of this.#expansions(logits, penalties).entries()) {
      const isEnd = this.#search.options.endOfText?.includes(expansion.token.id) ?? false;
      if (!isEnd && survivors.length < this.#beams) survivors.push(expansion);
      if (isEnd && rank < this.#beams) this.#completeWith(expansion);
    }
    const beams = survivors.map(({ parent, token, sum: sum2 }, i) => ({
      history: extended(parent.history, token.id),
      tokens: [...parent.tokens, token],
      sum: sum2,
      row: this.#firstRow + i,
      from: parent.row
    }));
    this.#living = this.#isDecided(beams[0]) ? [] : beams;
  }
  /** Completes what still lives, as it is. */
  close(reason) {
    for (const beam of this.#living) this.#end(beam, reason);
    this.#living = [];
  }
  /** The best expansions of all beams, best first; of equals, the earlier beam's, then the lower id's. */
  #expansions(logits, penalties) {
    const count2 = (1 + (this.#search.options.endOfText?.length ?? 0)) * this.#beams;
    const all2 = this.#living.flatMap((beam) => this.#expand(beam, logits, penalties, count2));
    return all2.sort((a, b) => b.sum - a.sum || a.parent.row - b.parent.row || a.token.id - b.token.id).slice(0, count2);
  }
  #expand(parent, allLogits, penalties, count2) {
    const { model: model2, options, settings, sampler, row } = this.#search;
    const { history, tokens, sum: sum2 } = parent;
    if (options.constraint?.isOver(history)) {
      this.#end(parent, "complete");
      return [];
    }
    const logits = allLogits.subarray(parent.row * model2.vocabSize, (parent.row + 1) * model2.vocabSize);
    const position = { row, step: tokens.length };
    const normalizer = logNormalizer(logits, position);
    const { room } = sampler;
    const alternatives = settings.topLogProbabilities;
    const top = alternatives > 0 && { top: likeliest(logits, normalizer, alternatives, room) };
    const scores = this.#logProbabilities;
    for (let id5 = 0; id5 < scores.length; id5++)
      scores[id5] = logits[id5] - normalizer - penalties[id5];
    const processed = sampler.processed(scores, { ...position, history });
    gather2(processed, count2, room);
    return Array.from({ length: room.count }, (_, i) => {
      const id5 = room.ids[i];
      const token = { id: id5, logProbability: logits[id5] - normalizer, ...top };
      return { parent, token, sum: sum2 + processed[id5] };
    });
  }
  #completeWith({ parent: beam, token: { id: id5, logProbability }, sum: sum2 }) {
    const score2 = this.#score(sum2, beam.tokens.length + 1);
    this.#keep({ beam, reason: "endOfText", score: score2, end: { id: id5, logProbability } });
  }
  /** Completes a beam as it is. */
  #end(beam, reason) {
    this.#keep({ beam, reason, score: this.#score(beam.sum, beam.tokens.length) });
  }
  #keep(hypothesis) {
    this.#complete.push(hypothesis);
    this.#complete = this.#complete.sort((a, b) => b.score - a.score).slice(0, this.#beams);
  }
  #score(sum2, length) {
    return sum2 / Math.max(length, 1) ** this.#search.settings.lengthPenalty;
  }
  /** Whether no more need be searched where `best` is the best that lives. */
  #isDecided(best) {
    if (best === void 0) return true;
    if (this.#complete.length < this.#beams) return false;
    if (this.#search.settings.earlyStopping) return true;
    const longest2 = this.#search.limit - best.history.promptLength;
    const attainable = Math.max(this.#score(best.sum, best.tokens.length), this.#score(best.sum, longest2));
    return attainable <= this.#complete[this.#beams - 1].score;
  }
};

// src/random/random.ts
init_errors();

// src/random/threefry.ts
var threefryRotations = [13, 15, 26, 6, 17, 29, 16, 24];
var threefryParity = 466688986;
function threefry2x32(key0, key1, counter0, counter1, out2) {
  const key2 = key0 ^ key1 ^ threefryParity;
  let x0 = counter0 + key0 | 0;
  let x1 = counter1 + key1 | 0;
  for (let group = 1; group <= 5; group++) {
    const first2 = group % 2 === 1 ? 0 : 4;
    for (let round = first2; round < first2 + 4; round++) {
      const distance = threefryRotations[round];
      x0 = x0 + x1 | 0;
      x1 = (x1 << distance | x1 >>> 32 - distance) ^ x0;
    }
    const phase = group % 3;
    x0 = x0 + (phase === 0 ? key0 : phase === 1 ? key1 : key2) | 0;
    x1 = x1 + (phase === 0 ? key1 : phase === 1 ? key2 : key0) + group | 0;
  }
  out2[0] = x0;
  out2[1] = x1;
}

// src/random/random.ts
var twoTo32 = 2 ** 32;
var twoTo53 = 2 ** 53;
var nameDomain = 4294967295;
var indexDomain = 4294967294;
var Random = class _Random {
  key;
  /** Draws made so far; set it to jump. */
  counter;
  #block = new Uint32Array(2);
  constructor(state) {
    this.key = state.key;
    this.counter = state.counter;
  }
  /** The stream of a seed, an integer from 0 to 2^53 − 1; throws {@link ConfigError} otherwise. */
  static seed(seed) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(`seed: got ${seed}, wanted an integer from 0 to 2^53 \u2212 1`, { seed });
    }
    return new _Random({ key: [Math.floor(seed / twoTo32), seed % twoTo32], counter: 0 });
  }
  /** What a checkpoint keeps; `new Random(state)` continues the stream. */
  get state() {
    return { key: this.key, counter: this.counter };
  }
  /** The child stream of a name (its UTF-8 bytes, chained through the cipher); this stream doesn't move. */
  split(name) {
    const bytes = new TextEncoder().encode(name);
    let key = encipher(this.key, bytes.length, nameDomain);
    for (let at = 0; at < bytes.length; at += 8)
      key = encipher(key, littleEndian(bytes, at), littleEndian(bytes, at + 4));
    return new _Random({ key, counter: 0 });
  }
  /** The child stream of an index such as a step or a row, 0 to 2^53 − 1; this stream doesn't move. */
  at(index) {
    const domain = encipher(this.key, 0, indexDomain);
    return new _Random({ key: encipher(domain, index % twoTo32, Math.floor(index / twoTo32)), counter: 0 });
  }
  /** 32 random bits as a uint32. */
  uint32() {
    return this.#draw()[0];
  }
  /** Uniform in [0, 1), one of 2^53 equally spaced numbers. */
  uniform() {
    const [high, low] = this.#draw();
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / twoTo53;
  }
  /** Uniform in [0, 1), one of 2^24 equally spaced numbers: exact in float32. */
  uniform24() {
    return (this.uint32() >>> 8) / 2 ** 24;
  }
  /** An integer from 0 to `bound` − 1, all equally likely (rejection, no modulo bias); `bound` from 1 to 2^53. */
  integer(bound2) {
    if (!(Number.isInteger(bound2) && bound2 >= 1 && bound2 <= twoTo53)) {
      throw new ConfigError(`random integer: got bound ${bound2}, wanted an integer from 1 to 2^53`, { bound: bound2 });
    }
    const limit = twoTo53 - twoTo53 % bound2;
    let value = this.uniform() * twoTo53;
    while (value >= limit) value = this.uniform() * twoTo53;
    return value % bound2;
  }
  /** From the standard normal distribution (Box and Muller 1958), within ±6.7. */
  gaussian() {
    const [a, b] = this.#draw();
    return radius(a) * Math.cos(angle(b));
  }
  /** Fills `target` with normal numbers of the given deviation, two to a draw. */
  fillGaussian(target, deviation3 = 1) {
    for (let i = 0; i < target.length; i += 2) {
      const [a, b] = this.#draw();
      const scale = deviation3 * radius(a);
      target[i] = scale * Math.cos(angle(b));
      if (i + 1 < target.length) target[i + 1] = scale * Math.sin(angle(b));
    }
  }
  /** Puts `items` in an order of which all are equally likely, in place (Fisher and Yates; Durstenfeld 1964). */
  shuffle(items) {
    for (let last3 = items.length - 1; last3 > 0; last3--) {
      const other2 = this.integer(last3 + 1);
      const held = items[last3];
      items[last3] = items[other2];
      items[other2] = held;
    }
  }
  /** The numbers 0 to `length` − 1 in a random order. */
  permutation(length) {
    const order = Uint32Array.from({ length }, (_, index) => index);
    this.shuffle(order);
    return order;
  }
  #draw() {
    const count2 = this.counter++;
    threefry2x32(this.key[0], this.key[1], count2 % twoTo32, Math.floor(count2 / twoTo32), this.#block);
    return this.#block;
  }
};
var scratch = new Uint32Array(2);
function encipher(key, counter0, counter1) {
  threefry2x32(key[0], key[1], counter0, counter1, scratch);
  return [scratch[0], scratch[1]];
}
function littleEndian(bytes, at) {
  const byte2 = (offset) => bytes[at + offset] ?? 0;
  return (byte2(0) | byte2(1) << 8 | byte2(2) << 16 | byte2(3) << 24) >>> 0;
}
function radius(word) {
  return Math.sqrt(-2 * Math.log((word + 1) / twoTo32));
}
function angle(word) {
  return word / twoTo32 * 2 * Math.PI;
}

// src/sample/generation.ts
init_errors();

// src/sample/grammar/form.ts
init_errors();

// src/nearest-name.ts
function nearestName(wanted2, names) {
  let best;
  let least2 = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = editDistance(wanted2.toLowerCase(), name.toLowerCase());
    if (distance < least2) [best, least2] = [name, distance];
  }
  return best !== void 0 && least2 <= best.length / 2 ? best : void 0;
}
function editDistance(a, b) {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

// src/sample/grammar/character-set.ts
var last2 = 1114111;
var surrogates = [55296, 57343];
var anyCharacter = [
  [0, surrogates[0] - 1],
  [surrogates[1] + 1, last2]
];
function characterSet(ranges) {
  return intersection(merged(ranges), anyCharacter);
}
function charactersOf(text2) {
  return characterSet(
    Array.from(text2, (character2) => [character2.codePointAt(0), character2.codePointAt(0)])
  );
}
function union(a, b) {
  return merged([...a, ...b]);
}
function intersection(a, b) {
  const common = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i], b[j]];
    const from = Math.max(x[0], y[0]);
    const to = Math.min(x[1], y[1]);
    if (from <= to) common.push([from, to]);
    if (x[1] < y[1]) i++;
    else j++;
  }
  return common;
}
function complement(set) {
  const gaps = [];
  let from = 0;
  for (const [first2, end] of set) {
    if (first2 > from) gaps.push([from, first2 - 1]);
    from = end + 1;
  }
  if (from <= last2) gaps.push([from, last2]);
  return intersection(gaps, anyCharacter);
}
function difference(a, b) {
  return intersection(a, complement(b));
}
function merged(ranges) {
  const result = [];
  for (const [first2, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous !== void 0 && first2 <= previous[1] + 1) previous[1] = Math.max(previous[1], end);
    else result.push([first2, end]);
  }
  return result;
}

// src/sample/grammar/character-escapes.ts
var controls = { n: "\n", t: "	", r: "\r", f: "\f", v: "\v", 0: "\0" };
var hexadecimal = { x: 2, u: 4, U: 8 };
var digits = characterSet([[48, 57]]);
var wordCharacters = characterSet([
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122]
]);
var spaces = characterSet([
  [9, 13],
  [32, 32],
  [160, 160],
  [5760, 5760],
  [8192, 8202],
  [8232, 8233],
  [8239, 8239],
  [8287, 8287],
  [12288, 12288],
  [65279, 65279]
]);
var classes4 = {
  d: digits,
  D: complement(digits),
  w: wordCharacters,
  W: complement(wordCharacters),
  s: spaces,
  S: complement(spaces)
};
function classEscape(scanner) {
  const letter2 = scanner.peek();
  const set = classes4[letter2];
  if (set !== void 0) {
    scanner.next();
    return set;
  }
  return (letter2 === "p" || letter2 === "P") && scanner.peek(1) === "{" ? property(scanner) : void 0;
}
function property(scanner) {
  const start = scanner.at;
  const letter2 = scanner.next();
  scanner.expect("{");
  const name = scanner.takeWhile(/[^}]/);
  scanner.expect("}");
  let runs;
  try {
    runs = new RegExp(`\\p{${name}}+`, "gu");
  } catch {
    throw scanner.error(`got \\${letter2}{${name}}, wanted a property that Unicode has, such as \\p{L}`, start);
  }
  const set = charactersIn(runs);
  return letter2 === "p" ? set : complement(set);
}
var chunk = 4096;
function charactersIn(runs) {
  const found = [];
  for (const [first2, last3] of anyCharacter) {
    for (let from = first2; from <= last3; from += chunk) {
      const length = Math.min(chunk, last3 + 1 - from);
      const all2 = String.fromCodePoint(...Array.from({ length }, (_, i) => from + i));
      for (const { 0: run } of all2.matchAll(runs)) {
        const begin = run.codePointAt(0);
        found.push([begin, begin + Array.from(run).length - 1]);
      }
    }
  }
  return characterSet(found);
}
function characterEscape(scanner) {
  const start = scanner.at - 1;
  const letter2 = scanner.next();
  const length = hexadecimal[letter2];
  if (length !== void 0) return hexadecimalEscape(scanner, letter2, length, start);
  const control2 = controls[letter2];
  if (control2 !== void 0) return control2.codePointAt(0);
  if (letter2 === "" || /[A-Za-z0-9]/.test(letter2)) {
    throw scanner.error(`got \\${letter2}, wanted an escape such as \\n, \\x41, \\u0041, \\. or \\\\`, start);
  }
  return letter2.codePointAt(0);
}
function hexadecimalEscape(scanner, letter2, length, start) {
  const braced = letter2 === "u" && scanner.takes("{");
  let text2 = braced ? scanner.takeWhile(/[0-9a-f]/i) : "";
  if (braced) scanner.expect("}");
  else while (text2.length < length && /[0-9a-f]/i.test(scanner.peek() || " ")) text2 += scanner.next();
  const point = Number.parseInt(text2, 16);
  const isWhole = braced ? text2 !== "" : text2.length === length;
  if (isWhole && point <= 1114111 && (point < 55296 || point > 57343)) return point;
  throw scanner.error(`got \\${letter2}${text2}, wanted ${braced ? "hexadecimal" : length} digits of a character`, start);
}

// src/sample/grammar/bracket-class.ts
function bracketClass(scanner) {
  const start = scanner.at - 1;
  const isNegated = scanner.takes("^");
  let set = [];
  while (!scanner.takes("]")) {
    if (scanner.isAtEnd) throw scanner.error("this '[' is never closed; end the class with ']'", start);
    set = union(set, item(scanner));
  }
  return isNegated ? complement(set) : set;
}
function item(scanner) {
  const start = scanner.at;
  if (scanner.peek() === "\\") {
    scanner.next();
    const several = classEscape(scanner);
    if (several !== void 0) return several;
    scanner.at = start;
  }
  const first2 = character(scanner);
  const isRange = scanner.peek() === "-" && scanner.peek(1) !== "]" && scanner.peek(1) !== "";
  if (!isRange) return characterSet([[first2, first2]]);
  scanner.next();
  const last3 = character(scanner);
  if (last3 < first2) throw scanner.error("the range ends before it begins; turn it round", start);
  const range = [first2, last3];
  return characterSet([range]);
}
function character(scanner) {
  return scanner.takes("\\") ? characterEscape(scanner) : scanner.next().codePointAt(0);
}

// src/sample/grammar/expression.ts
function text(characters2) {
  return { kind: "text", text: characters2 };
}
function characters(set) {
  return { kind: "characters", set };
}
function sequence(...parts) {
  return parts.length === 1 ? parts[0] : { kind: "sequence", parts };
}
function choice(...options) {
  return options.length === 1 ? options[0] : { kind: "choice", options };
}
function repeat(body, least2, most) {
  return { kind: "repeat", body, least: least2, most };
}
function optional(body) {
  return repeat(body, 0, 1);
}
function rule(name) {
  return { kind: "rule", name };
}
function grammarOf(expression) {
  return { start: "root", rules: /* @__PURE__ */ new Map([["root", expression]]), notes: [] };
}

// src/sample/grammar/quantifier.ts
var signs = {
  "*": { least: 0, most: Number.POSITIVE_INFINITY },
  "+": { least: 1, most: Number.POSITIVE_INFINITY },
  "?": { least: 0, most: 1 }
};
var mostRepetitions = 1e5;
function takeQuantifier(scanner) {
  const sign2 = signs[scanner.peek()];
  if (sign2 !== void 0) {
    scanner.next();
    return sign2;
  }
  return scanner.peek() === "{" ? braces(scanner) : void 0;
}
function braces(scanner) {
  const start = scanner.at;
  scanner.next();
  const from = scanner.takeWhile(/\d/);
  const isRange = scanner.takes(",");
  const to = isRange ? scanner.takeWhile(/\d/) : from;
  if (!scanner.takes("}") || from + to === "") {
    throw scanner.error("got a { that begins no repetition, wanted {n}, {n,} or {n,m}; \\{ is the character", start);
  }
  const least2 = Number(from);
  const most = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (most < least2) throw scanner.error(`got {${from},${to}}, wanted the lesser number first`, start);
  const named = to === "" ? least2 : most;
  if (named > mostRepetitions) {
    throw scanner.error(`got ${named} repetitions, wanted at most ${mostRepetitions}; leave the end open`, start);
  }
  return { least: least2, most };
}

// src/sample/grammar/scanner.ts
init_errors();
var Scanner = class {
  #what;
  #characters;
  at = 0;
  /** `what` names the source in errors. */
  constructor(source, what) {
    this.#characters = Array.from(source);
    this.#what = what;
  }
  get isAtEnd() {
    return this.at >= this.#characters.length;
  }
  /** The character `ahead` places on; the empty text beyond the end. */
  peek(ahead = 0) {
    return this.#characters[this.at + ahead] ?? "";
  }
  /** Whether `text` comes next. */
  sees(text2) {
    return Array.from(text2).every((character2, i) => this.peek(i) === character2);
  }
  next() {
    const character2 = this.peek();
    this.at++;
    return character2;
  }
  /** Passes over `text` where it comes next. */
  takes(text2) {
    if (!this.sees(text2)) return false;
    this.at += Array.from(text2).length;
    return true;
  }
  /** Takes characters as long as they match. */
  takeWhile(pattern) {
    const start = this.at;
    while (!this.isAtEnd && pattern.test(this.peek())) this.at++;
    return this.#characters.slice(start, this.at).join("");
  }
  /** Throws unless `text` comes next. */
  expect(text2) {
    if (!this.takes(text2)) throw this.error(`got ${this.shown()}, wanted '${text2}'`);
  }
  /** What comes next, for errors. */
  shown() {
    return this.isAtEnd ? "its end" : `'${this.peek().replace("\n", "\\n")}'`;
  }
  /** An error that names line and column, by default of what comes next. */
  error(message, at = this.at) {
    const before = this.#characters.slice(0, at);
    const line = before.filter((character2) => character2 === "\n").length + 1;
    const column = at - before.lastIndexOf("\n");
    return new ConfigError(`${this.#what}: line ${line}, column ${column}: ${message}`, { line, column });
  }
};

// src/sample/grammar/gbnf.ts
var nameCharacter = /[A-Za-z0-9_-]/;
var root = "root";
function gbnfGrammar(source, name = "grammar") {
  const rules = new GbnfParser(new Scanner(source, name)).parse();
  const unreached = unreachedRules(rules);
  const note = `${name}: nothing that begins with ${root} reaches ${unreached.map((one) => `'${one}'`).join(", ")}`;
  return { start: root, rules, notes: unreached.length === 0 ? [] : [note] };
}
var GbnfParser = class {
  #scanner;
  #rules = /* @__PURE__ */ new Map();
  /** Where each name is first used. */
  #used = /* @__PURE__ */ new Map();
  constructor(scanner) {
    this.#scanner = scanner;
  }
  parse() {
    const scanner = this.#scanner;
    for (this.#skip(); !scanner.isAtEnd; this.#skip()) this.#rule();
    if (!this.#rules.has(root)) throw scanner.error(`there is no rule '${root}', which a whole text follows; add it`);
    for (const [name, at] of this.#used) {
      if (!this.#rules.has(name)) throw scanner.error(`rule '${name}' is used but not defined; define it`, at);
    }
    return this.#rules;
  }
  /** Passes over spaces, ends of lines and comments. */
  #skip() {
    const scanner = this.#scanner;
    for (scanner.takeWhile(/\s/); scanner.peek() === "#"; scanner.takeWhile(/\s/)) scanner.takeWhile(/[^\n]/);
  }
  #rule() {
    const scanner = this.#scanner;
    const start = scanner.at;
    const name = scanner.takeWhile(nameCharacter);
    if (name === "") throw scanner.error(`got ${scanner.shown()}, wanted a rule, name ::= \u2026`);
    this.#skip();
    scanner.expect("::=");
    if (this.#rules.has(name)) throw scanner.error(`rule '${name}' is defined twice; join the two by |`, start);
    this.#rules.set(name, this.#alternatives());
  }
  #alternatives() {
    const options = [this.#alternative()];
    while (this.#scanner.takes("|")) options.push(this.#alternative());
    return choice(...options);
  }
  #alternative() {
    const scanner = this.#scanner;
    const parts = [];
    for (this.#skip(); !scanner.isAtEnd && !"|)".includes(scanner.peek()) && !this.#seesRule(); this.#skip()) {
      parts.push(this.#quantified());
    }
    return sequence(...parts);
  }
  /** Whether the next rule begins here. */
  #seesRule() {
    const scanner = this.#scanner;
    const start = scanner.at;
    const name = scanner.takeWhile(nameCharacter);
    this.#skip();
    const begins = name !== "" && scanner.sees("::=");
    scanner.at = start;
    return begins;
  }
  #quantified() {
    let body = this.#atom();
    for (let found = takeQuantifier(this.#scanner); found !== void 0; found = takeQuantifier(this.#scanner)) {
      body = repeat(body, found.least, found.most);
    }
    return body;
  }
  #atom() {
    const scanner = this.#scanner;
    const start = scanner.at;
    const name = scanner.takeWhile(nameCharacter);
    if (name !== "") {
      if (!this.#used.has(name)) this.#used.set(name, start);
      return rule(name);
    }
    const character2 = scanner.next();
    if (character2 === '"') return this.#literal(start);
    if (character2 === "[") return characters(bracketClass(scanner));
    if (character2 === ".") return characters(anyCharacter);
    if (character2 === "(") return this.#group(start);
    scanner.at = start;
    throw scanner.error(`got ${scanner.shown()}, wanted "text", [class], a rule's name or a group`);
  }
  #literal(start) {
    const scanner = this.#scanner;
    let literal2 = "";
    while (!scanner.takes('"')) {
      if (scanner.isAtEnd || scanner.peek() === "\n") {
        throw scanner.error('this " is never closed on its line; end the text with ", or write \\n', start);
      }
      literal2 += scanner.takes("\\") ? String.fromCodePoint(characterEscape(scanner)) : scanner.next();
    }
    return text(literal2);
  }
  #group(start) {
    const inside = this.#alternatives();
    if (!this.#scanner.takes(")")) throw this.#scanner.error("this '(' is never closed; end the group with ')'", start);
    return inside;
  }
};
function unreachedRules(rules) {
  const reached = /* @__PURE__ */ new Set([root]);
  const visit = (expression) => {
    if (expression?.kind === "rule") reached.add(expression.name);
    else if (expression?.kind === "sequence") expression.parts.forEach(visit);
    else if (expression?.kind === "choice") expression.options.forEach(visit);
    else if (expression?.kind === "repeat") visit(expression.body);
  };
  for (const name of reached) visit(rules.get(name));
  return [...rules.keys()].filter((name) => !reached.has(name));
}

// src/sample/grammar/json/json-text.ts
var mostDigits = { whole: 15, fraction: 15, exponent: 2 };
var mostIndentation = 16;
var special = [...Array.from({ length: 32 }, (_, point) => String.fromCharCode(point)), '"', "\\"];
var plain2 = difference(anyCharacter, charactersOf(special.join("")));
var digit = characters(characterSet([[48, 57]]));
var hexadecimal2 = characters(charactersOf("0123456789abcdefABCDEF"));
var infinity = Number.POSITIVE_INFINITY;
var unicodeEscape = sequence(
  text("u"),
  choice(
    sequence(characters(charactersOf("0123456789abcefABCEF")), hexadecimal2),
    sequence(characters(charactersOf("dD")), characters(charactersOf("01234567")))
  ),
  repeat(hexadecimal2, 2, 2)
);
var space5 = rule("json white space");
var stringCharacter = rule("json character");
var anyValue = rule("json value");
function enclosed(open3, inside, close) {
  return sequence(text(open3), space5, inside, space5, text(close));
}
function list(item2, least2, most) {
  if (most === 0) return text("");
  const items = sequence(item2, repeat(sequence(text(","), space5, item2), Math.max(least2 - 1, 0), most - 1));
  return least2 === 0 ? optional(items) : items;
}
function stringOf(character2, least2 = 0, most = infinity) {
  return sequence(text('"'), repeat(character2, least2, most), text('"'));
}
function pair2(name, value) {
  return sequence(name, text(":"), space5, value);
}
var anyNumber = sequence(
  optional(text("-")),
  choice(text("0"), sequence(characters(charactersOf("123456789")), repeat(digit, 0, mostDigits.whole - 1))),
  optional(sequence(text("."), repeat(digit, 1, mostDigits.fraction))),
  optional(
    sequence(
      characters(charactersOf("eE")),
      optional(characters(charactersOf("+-"))),
      repeat(digit, 1, mostDigits.exponent)
    )
  )
);
function spelled(set) {
  const raw = intersection(set, plain2);
  const escaped = special.filter((character2) => intersection(set, charactersOf(character2)).length > 0);
  const options = escaped.map((character2) => text(JSON.stringify(character2).slice(1, -1)));
  return choice(...raw.length > 0 ? [characters(raw)] : [], ...options);
}
function nameBut(names) {
  return sequence(
    text('"'),
    otherThan(names.filter((name) => spelledPlainly(name)).map((name) => [...name])),
    text('"')
  );
}
function spelledPlainly(name) {
  return JSON.stringify(name) === `"${name}"`;
}
function otherThan(names) {
  const heads = new Set(names.flatMap(([head]) => head ?? []));
  const rest = repeat(characters(plain2), 0, infinity);
  if (names.length === 0) return rest;
  const options = [...heads].map((head) => {
    const tails = names.filter((name) => name[0] === head).map((name) => name.slice(1));
    return sequence(text(head), otherThan(tails));
  });
  const other2 = sequence(characters(difference(plain2, charactersOf([...heads].join("")))), rest);
  return choice(...options, other2, ...names.some((name) => name.length === 0) ? [] : [text("")]);
}
var jsonRules = /* @__PURE__ */ new Map([
  ["json white space", optional(choice(text(" "), sequence(text("\n"), repeat(text(" "), 0, mostIndentation))))],
  [
    "json character",
    choice(characters(plain2), sequence(text("\\"), choice(characters(charactersOf('"\\/bfnrt')), unicodeEscape)))
  ],
  [
    "json value",
    choice(
      rule("json object"),
      rule("json array"),
      stringOf(stringCharacter),
      anyNumber,
      ...["true", "false", "null"].map(text)
    )
  ],
  ["json object", enclosed("{", list(pair2(stringOf(stringCharacter), anyValue), 0, infinity), "}")],
  ["json array", enclosed("[", list(anyValue, 0, infinity), "]")]
]);

// src/sample/grammar/json/schema.ts
init_errors();
var jsonTypes = ["object", "array", "string", "number", "integer", "boolean", "null"];
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function schemaError(pointer2, message, details = {}) {
  return new ConfigError(`json schema: ${pointer2 === "" ? "at its root" : pointer2}: ${message}`, {
    pointer: pointer2,
    ...details
  });
}
function below(pointer2, ...keys) {
  return [pointer2, ...keys.map((key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1"))].join("/");
}
function resolveReference(root2, reference, pointer2) {
  const place = below(pointer2, "$ref");
  if (reference !== "#" && !reference.startsWith("#/")) {
    throw schemaError(place, `got '${reference}', wanted # or #/\u2026, a place in this schema; copy what it refers to`);
  }
  let target = root2;
  for (const key of reference.split("/").slice(1)) target = member(target, unescapeKey(key));
  if (isObject(target) || typeof target === "boolean") return { target, pointer: reference.slice(1) };
  throw schemaError(place, `got '${reference}', where there is no schema; correct the reference`);
}
function member(value, key) {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return void 0;
  return value[key];
}
function unescapeKey(key) {
  const plain3 = key.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain3);
  } catch {
    return plain3;
  }
}

// src/sample/grammar/json/keywords.ts
var isSchema = (value) => isObject(value) || typeof value === "boolean";
var isCount = (value) => Number.isSafeInteger(value) && value >= 0;
var isType = (value) => jsonTypes.includes(value);
var schema3 = { takes: isSchema, wanted: "a schema" };
var schemas = {
  takes: (value) => Array.isArray(value) && value.length > 0 && value.every(isSchema),
  wanted: "a list of schemas that is not empty"
};
var namedSchemas = {
  takes: (value) => isObject(value) && Object.values(value).every(isSchema),
  wanted: "an object of schemas"
};
var count = { takes: isCount, wanted: "a whole number from 0" };
var bound = { takes: Number.isFinite, wanted: "a number", speaksOf: "number" };
var words = { takes: (value) => typeof value === "string", wanted: "a text" };
var assertions = {
  type: {
    takes: (value) => isType(value) || Array.isArray(value) && value.length > 0 && value.every(isType),
    wanted: `one of ${jsonTypes.join(", ")}, or a list of them`
  },
  enum: { takes: (value) => Array.isArray(value) && value.length > 0, wanted: "a list that is not empty" },
  const: { takes: () => true, wanted: "a value" },
  anyOf: schemas,
  oneOf: schemas,
  allOf: schemas,
  $ref: words,
  nullable: { takes: (value) => typeof value === "boolean", wanted: "true or false" },
  properties: { ...namedSchemas, speaksOf: "object" },
  required: {
    takes: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
    wanted: "a list of names",
    speaksOf: "object"
  },
  additionalProperties: { ...schema3, speaksOf: "object" },
  items: { ...schema3, speaksOf: "array" },
  prefixItems: { ...schemas, speaksOf: "array" },
  minItems: { ...count, speaksOf: "array" },
  maxItems: { ...count, speaksOf: "array" },
  minLength: { ...count, speaksOf: "string" },
  maxLength: { ...count, speaksOf: "string" },
  pattern: { ...words, speaksOf: "string" },
  format: { ...words, speaksOf: "string" },
  minimum: bound,
  maximum: bound,
  exclusiveMinimum: bound,
  exclusiveMaximum: bound
};
var annotations = /* @__PURE__ */ new Set([
  ...["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "example", "examples"],
  ...["deprecated", "readOnly", "writeOnly"]
]);
var unsupported = [
  ...["not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "patternProperties"],
  ...["propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "unevaluatedItems", "uniqueItems"],
  ...["contains", "minContains", "maxContains", "additionalItems", "multipleOf", "contentEncoding", "contentMediaType"],
  ...["contentSchema", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"]
];
function checkKeywords(given, pointer2) {
  for (const [name, value] of Object.entries(given)) {
    if (annotations.has(name) || name.startsWith("x-")) continue;
    const keyword = Object.hasOwn(assertions, name) ? assertions[name] : void 0;
    if (keyword === void 0) throw notKnown(name, pointer2);
    if (keyword.takes(value)) continue;
    const got = JSON.stringify(value) ?? "nothing";
    throw schemaError(below(pointer2, name), `got ${got.slice(0, 80)}, wanted ${keyword.wanted}`, { keyword: name });
  }
}
function notKnown(name, pointer2) {
  const place = below(pointer2, name);
  if (unsupported.includes(name)) {
    return schemaError(place, `the keyword '${name}' is not supported; take it out, or say it otherwise`, {
      keyword: name
    });
  }
  const nearest = nearestName(name, [...Object.keys(assertions), ...annotations]);
  const remedy = nearest === void 0 ? "take it out" : `did you mean '${nearest}'?`;
  return schemaError(place, `the keyword '${name}' is unknown; ${remedy}`, { keyword: name, nearest });
}
function assertionsOf(given, without = []) {
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => Object.hasOwn(assertions, name) && !without.includes(name))
  );
}

// src/sample/grammar/json/merge.ts
var least = (a, b) => Math.min(a, b);
var greatest2 = (a, b) => Math.max(a, b);
var both = (a, b) => ({ allOf: [a, b] });
var either = (a, b) => a === true && b === true;
var merges = {
  type: mergeTypes,
  enum: mergeEnums,
  properties: (a, b) => mergeProperties(a, b),
  required: (a, b) => [.../* @__PURE__ */ new Set([...a, ...b])],
  items: both,
  nullable: either,
  minimum: greatest2,
  exclusiveMinimum: greatest2,
  minLength: greatest2,
  minItems: greatest2,
  maximum: least,
  exclusiveMaximum: least,
  maxLength: least,
  maxItems: least
};
function mergeSchemas(schemas2, pointer2) {
  return schemas2.reduce((a, b) => mergeTwo(a, b, pointer2));
}
function mergeTwo(a, b, pointer2) {
  checkClosed(a, b, pointer2);
  checkClosed(b, a, pointer2);
  const merged2 = { ...a };
  for (const [name, value] of Object.entries(b)) {
    merged2[name] = Object.hasOwn(a, name) ? mergeValues(name, a[name], value, pointer2) : value;
  }
  return merged2;
}
function mergeValues(name, a, b, pointer2) {
  const merge = Object.hasOwn(merges, name) ? merges[name] : void 0;
  if (merge !== void 0) return merge(a, b, pointer2);
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  throw schemaError(pointer2, `two values of '${name}' for one thing are not supported; join them by hand`, {
    keyword: name
  });
}
function mergeTypes(a, b, pointer2) {
  const others = typesIn(b);
  const common = typesIn(a).flatMap((type) => {
    if (others.includes(type)) return [type];
    if (type === "number" && others.includes("integer")) return ["integer"];
    return type === "integer" && others.includes("number") ? ["integer"] : [];
  });
  if (common.length > 0) return common;
  throw schemaError(pointer2, `no value has the types ${typesIn(a).join(", ")} and ${others.join(", ")} at once`);
}
function typesIn(value) {
  return [value].flat();
}
function mergeEnums(a, b, pointer2) {
  const others = new Set(b.map((value) => JSON.stringify(value)));
  const common = a.filter((value) => others.has(JSON.stringify(value)));
  if (common.length > 0) return common;
  throw schemaError(pointer2, "no value is in both enums; loosen one of them");
}
function mergeProperties(a, b) {
  const merged2 = { ...a };
  for (const [name, value] of Object.entries(b)) {
    merged2[name] = Object.hasOwn(a, name) ? { allOf: [a[name], value] } : value;
  }
  return merged2;
}
function checkClosed(a, b, pointer2) {
  if (a.additionalProperties === void 0 || a.additionalProperties === true) return;
  const own = isObject(a.properties) ? a.properties : {};
  const foreign = Object.keys(isObject(b.properties) ? b.properties : {}).filter((name) => !Object.hasOwn(own, name));
  if (foreign.length === 0) return;
  throw schemaError(
    below(pointer2, "additionalProperties"),
    `it forbids or restricts '${foreign[0]}', which is asked for beside it; list all properties in one place`
  );
}

// src/sample/grammar/json/number-ranges.ts
function numberRange(least2, most, places = 0) {
  const options = [];
  if (least2 < 0n) {
    const negative = magnitudes(most < 0n ? -most : 1n, -least2, places);
    options.push(sequence(text("-"), negative));
  }
  if (most >= 0n) options.push(magnitudes(least2 > 0n ? least2 : 0n, most, places));
  return choice(...options);
}
function magnitudes(least2, most, places) {
  const shortest = places + 1;
  const options = [];
  for (let length = Math.max(shortest, String(least2).length); length <= String(most).length || length === shortest; length++) {
    const first2 = length === shortest ? 0n : 10n ** BigInt(length - 1);
    const from = least2 > first2 ? least2 : first2;
    const last3 = 10n ** BigInt(length) - 1n;
    const to = most < last3 ? most : last3;
    if (from <= to) options.push(between(padded(from, length), padded(to, length), places));
  }
  return choice(...options);
}
function padded(value, length) {
  return String(value).padStart(length, "0");
}
function between(least2, most, places) {
  const length = least2.length;
  if (length === 0) return text("");
  if (/^0*$/.test(least2) && /^9*$/.test(most)) return free(length, places);
  const [low, high] = [Number(least2[0]), Number(most[0])];
  const point = length === places ? "." : "";
  const nines = "9".repeat(length - 1);
  const zeros = "0".repeat(length - 1);
  if (low === high) return sequence(text(`${point}${low}`), between(least2.slice(1), most.slice(1), places));
  const options = [
    sequence(text(String(low)), between(least2.slice(1), nines, places)),
    sequence(text(String(high)), between(zeros, most.slice(1), places))
  ];
  if (high - low > 1) options.push(sequence(oneOf(low + 1, high - 1), free(length - 1, places)));
  return sequence(text(point), choice(...options));
}
function free(length, places) {
  if (length < places || places === 0) return repeat(digit, length, length);
  return sequence(repeat(digit, length - places, length - places), text("."), repeat(digit, places, places));
}
function oneOf(low, high) {
  return characters(characterSet([[48 + low, 48 + high]]));
}
function decimalOf(value) {
  const [mantissa = "0", exponent2 = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const places = fraction.length - Number(exponent2);
  const units = BigInt(whole + fraction);
  return places >= 0 ? { units, places } : { units: units * 10n ** BigInt(-places), places: 0 };
}
function inUnits({ units, places }, of, towards) {
  if (places <= of) return units * 10n ** BigInt(of - places);
  const step = 10n ** BigInt(places - of);
  const quotient = units / step;
  const rest = units % step;
  if (towards === "above") return rest > 0n ? quotient + 1n : quotient;
  return rest < 0n ? quotient - 1n : quotient;
}

// src/sample/grammar/json/numbers.ts
var greatest3 = 10n ** BigInt(mostDigits.whole) - 1n;
var fewestPlaces = 2;
var mostPlaces = 20;
function integers2(schema5, pointer2) {
  const [least2, most] = boundsIn(schema5, 0);
  if (least2 > most) throw noNumber(pointer2, "whole number");
  return numberRange(least2, most);
}
function numbers2(schema5, pointer2) {
  const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].flatMap(
    (name) => typeof schema5[name] === "number" ? [decimalOf(schema5[name])] : []
  );
  if (bounds.length === 0) return anyNumber;
  const places = Math.max(fewestPlaces, ...bounds.map((bound2) => bound2.places));
  if (places > mostPlaces) {
    throw schemaError(pointer2, `got a bound with ${places} digits behind the point, wanted at most ${mostPlaces}`);
  }
  const [least2, most] = boundsIn(schema5, places);
  const [leastWhole, mostWhole] = boundsIn(schema5, 0);
  if (least2 > most) throw noNumber(pointer2, `number of ${places} digits behind the point`);
  const whole = leastWhole > mostWhole ? [] : [numberRange(leastWhole, mostWhole)];
  return choice(...whole, numberRange(least2, most, places));
}
function boundsIn(schema5, places) {
  const widest = (greatest3 + 1n) * 10n ** BigInt(places) - 1n;
  const lower2 = lowerBounds(schema5, places);
  const upper = upperBounds(schema5, places);
  const least2 = lower2.reduce((a, b) => a === void 0 || b > a ? b : a, void 0);
  const most = upper.reduce((a, b) => a === void 0 || b < a ? b : a, void 0);
  return [
    clamp(least2, -widest, most === void 0 || most >= -widest),
    -clamp(most === void 0 ? void 0 : -most, -widest, least2 === void 0 || least2 <= widest)
  ];
}
function clamp(bound2, widest, isNear) {
  if (bound2 === void 0) return isNear ? widest : widest * 10n ** BigInt(mostDigits.whole);
  return isNear && bound2 < widest ? widest : bound2;
}
function lowerBounds({ minimum: minimum2, exclusiveMinimum }, places) {
  const inclusive = typeof minimum2 === "number" ? [inUnits(decimalOf(minimum2), places, "above")] : [];
  const exclusive = typeof exclusiveMinimum === "number" ? [above(decimalOf(exclusiveMinimum), places)] : [];
  return [...inclusive, ...exclusive];
}
function upperBounds({ maximum: maximum2, exclusiveMaximum }, places) {
  const inclusive = typeof maximum2 === "number" ? [inUnits(decimalOf(maximum2), places, "below")] : [];
  const exclusive = typeof exclusiveMaximum === "number" ? [under(decimalOf(exclusiveMaximum), places)] : [];
  return [...inclusive, ...exclusive];
}
function above(bound2, places) {
  return inUnits(bound2, places, "below") + 1n;
}
function under(bound2, places) {
  return inUnits(bound2, places, "above") - 1n;
}
function noNumber(pointer2, what) {
  return schemaError(pointer2, `no ${what} lies within its bounds; widen them`);
}

// src/sample/grammar/regular-expression.ts
var notAnEndOfLine = difference(
  anyCharacter,
  characterSet([
    [10, 10],
    [13, 13],
    [8232, 8233]
  ])
);
var unsupported2 = {
  "(?=": "lookahead",
  "(?!": "negative lookahead",
  "(?<=": "lookbehind",
  "(?<!": "negative lookbehind",
  "(?i": "a flag",
  "(?m": "a flag",
  "(?s": "a flag",
  "(?-": "a flag"
};
function regexGrammar(source) {
  return grammarOf(parseRegex(source));
}
function parseRegex(source, extent = "whole", name = "regular expression") {
  return new RegexParser(new Scanner(source, name), extent).parse();
}
var RegexParser = class {
  #scanner;
  #extent;
  constructor(scanner, extent) {
    this.#scanner = scanner;
    this.#extent = extent;
  }
  parse() {
    const expression = this.#alternatives(true);
    if (!this.#scanner.isAtEnd) throw this.#scanner.error("this ')' closes nothing; open it, or write \\)");
    return expression;
  }
  #alternatives(isOutermost) {
    const options = [this.#alternative(isOutermost)];
    while (this.#scanner.takes("|")) options.push(this.#alternative(isOutermost));
    return choice(...options);
  }
  #alternative(isOutermost) {
    const scanner = this.#scanner;
    const parts = [];
    const begins = isOutermost && scanner.takes("^");
    while (!scanner.isAtEnd && scanner.peek() !== "|" && scanner.peek() !== ")") {
      if (scanner.peek() === "$" && isOutermost && ["", "|"].includes(scanner.peek(1))) break;
      parts.push(this.#quantified());
    }
    const ends = isOutermost && scanner.takes("$");
    const anything = repeat(characters(anyCharacter), 0, Number.POSITIVE_INFINITY);
    if (this.#extent === "part" && !begins) parts.unshift(anything);
    if (this.#extent === "part" && !ends) parts.push(anything);
    return sequence(...parts);
  }
  #quantified() {
    const scanner = this.#scanner;
    const body = this.#atom();
    const quantifier = takeQuantifier(scanner);
    if (quantifier === void 0) return body;
    scanner.takes("?");
    if ("*+?{".includes(scanner.peek() || " ")) {
      throw scanner.error(`got ${scanner.shown()} after a repetition; put the repetition in parentheses`);
    }
    return repeat(body, quantifier.least, quantifier.most);
  }
  #atom() {
    const scanner = this.#scanner;
    const character2 = scanner.peek();
    if (character2 === "(") return this.#group();
    if (character2 === "\\") return this.#escape();
    if ("*+?{}".includes(character2)) {
      throw scanner.error(`got ${scanner.shown()} with nothing before it to repeat; \\${character2} is the character`);
    }
    if (character2 === "^" || character2 === "$") throw this.#anchor(character2);
    scanner.next();
    if (character2 === "[") return characters(bracketClass(scanner));
    if (character2 === ".") return characters(notAnEndOfLine);
    if (character2 === "]") throw scanner.error("this ']' closes nothing; \\] is the character", scanner.at - 1);
    const point = character2.codePointAt(0);
    return characters(characterSet([[point, point]]));
  }
  #group() {
    const scanner = this.#scanner;
    const start = scanner.at;
    for (const [opening, what] of Object.entries(unsupported2)) {
      if (scanner.sees(opening)) throw scanner.error(`${what} ${opening}\u2026) is not supported; write it without`, start);
    }
    scanner.next();
    if (scanner.takes("?<")) {
      scanner.takeWhile(/[^>]/);
      scanner.expect(">");
    } else if (scanner.peek() === "?" && !scanner.takes("?:")) {
      throw scanner.error("got (? that begins no group, wanted (\u2026), (?:\u2026) or (?<name>\u2026)", start);
    }
    const inside = this.#alternatives(false);
    if (!scanner.takes(")")) throw scanner.error("this '(' is never closed; end the group with ')'", start);
    return inside;
  }
  #escape() {
    const scanner = this.#scanner;
    const start = scanner.at;
    scanner.next();
    if (/[1-9k]/.test(scanner.peek() || " ")) {
      throw scanner.error(`backreference \\${scanner.peek()} is not supported; write out what it repeats`, start);
    }
    if (/[bB]/.test(scanner.peek() || " ")) {
      throw scanner.error(`word boundary \\${scanner.peek()} is not supported; write it without`, start);
    }
    const set = classEscape(scanner);
    if (set !== void 0) return characters(set);
    const point = characterEscape(scanner);
    return characters(characterSet([[point, point]]));
  }
  #anchor(character2) {
    const place = character2 === "^" ? "beginning" : "end";
    return this.#scanner.error(
      `${character2} is supported only at the ${place} of an alternative outside parentheses; \\${character2} is the character`
    );
  }
};

// src/sample/grammar/json/formats.ts
var year = "[0-9]{4}";
var monthAndDay = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
var hourAndMinute = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";
var date = `${year}-${monthAndDay}`;
var time = `${hourAndMinute}:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]${hourAndMinute})`;
var byte = "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])";
var label = "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?";
var formats = {
  date,
  time,
  "date-time": `${date}T${time}`,
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
  email: `[a-z0-9_+-]{1,32}(?:\\.[a-z0-9_+-]{1,16}){0,2}@${label}(?:\\.${label}){0,2}\\.[a-z]{2,10}`,
  hostname: `${label}(?:\\.${label}){0,3}`,
  ipv4: `${byte}(?:\\.${byte}){3}`
};

// src/sample/grammar/json/strings.ts
function strings(schema5, pointer2) {
  const lengths2 = { least: number2(schema5.minLength, 0), most: number2(schema5.maxLength, Number.POSITIVE_INFINITY) };
  if (lengths2.least > lengths2.most) throw schemaError(pointer2, "minLength is greater than maxLength; swap them");
  if (schema5.pattern === void 0 && schema5.format === void 0) {
    return stringOf(stringCharacter, lengths2.least, lengths2.most);
  }
  if (schema5.pattern !== void 0 && schema5.format !== void 0) {
    throw schemaError(pointer2, "'pattern' and 'format' together are not supported; leave one out");
  }
  return sequence(text('"'), inString(withLengths(contents(schema5, pointer2), lengths2, pointer2)), text('"'));
}
function number2(value, otherwise) {
  return typeof value === "number" ? value : otherwise;
}
function contents({ pattern, format }, pointer2) {
  if (typeof pattern === "string") return parseRegex(pattern, "part", `json schema: ${below(pointer2, "pattern")}`);
  const source = Object.hasOwn(formats, String(format)) ? formats[String(format)] : void 0;
  if (source !== void 0) return parseRegex(source);
  throw schemaError(
    below(pointer2, "format"),
    `the format '${format}' is not supported, wanted one of ${Object.keys(formats).join(", ")}; or write a pattern`,
    { format }
  );
}
function withLengths(expression, wanted2, pointer2) {
  const own = lengthsOf(expression);
  if (own.least >= wanted2.least && own.most <= wanted2.most) return expression;
  const only = expression.kind === "sequence" && expression.parts.length === 1 ? expression.parts[0] : expression;
  if (only.kind === "repeat" && only.body.kind === "characters") {
    const [least2, most] = [Math.max(only.least, wanted2.least), Math.min(only.most, wanted2.most)];
    if (least2 <= most) return repeat(only.body, least2, most);
  }
  throw schemaError(
    pointer2,
    "'minLength' or 'maxLength' beside this pattern or format is not supported; say the length in the pattern, as in ^[a-z]{1,9}$"
  );
}
function lengthsOf(expression) {
  switch (expression.kind) {
    case "text": {
      const length = [...expression.text].length;
      return { least: length, most: length };
    }
    case "characters":
      return { least: 1, most: 1 };
    case "sequence":
      return expression.parts.map(lengthsOf).reduce((a, b) => ({ least: a.least + b.least, most: a.most + b.most }), {
        least: 0,
        most: 0
      });
    case "choice":
      return expression.options.map(lengthsOf).reduce((a, b) => ({
        least: Math.min(a.least, b.least),
        most: Math.max(a.most, b.most)
      }));
    case "repeat": {
      const { least: least2, most } = lengthsOf(expression.body);
      return {
        least: least2 * expression.least,
        most: most === 0 ? 0 : expression.most === 0 ? 0 : most * expression.most
      };
    }
    case "rule":
      return { least: 0, most: Number.POSITIVE_INFINITY };
  }
}
function inString(expression) {
  switch (expression.kind) {
    case "characters":
      return spelled(expression.set);
    case "sequence":
      return { kind: "sequence", parts: expression.parts.map(inString) };
    case "choice":
      return { kind: "choice", options: expression.options.map(inString) };
    case "repeat":
      return repeat(inString(expression.body), expression.least, expression.most);
    case "text":
      return text(JSON.stringify(expression.text).slice(1, -1));
    case "rule":
      return expression;
  }
}

// src/sample/grammar/json/json-schema.ts
var mostRules = 2e4;
function jsonSchemaGrammar(schema5) {
  if (!isObject(schema5) && typeof schema5 !== "boolean") {
    throw schemaError("", `got ${JSON.stringify(schema5)}, wanted an object, such as {"type": "object"}`);
  }
  return new SchemaCompiler(schema5).compile();
}
var SchemaCompiler = class {
  #root;
  #rules = new Map(jsonRules);
  #known = /* @__PURE__ */ new Map();
  constructor(root2) {
    this.#root = root2;
  }
  compile() {
    const start = this.#define("json text", this.#valueOf(this.#root, ""));
    return { start, rules: this.#rules, notes: [] };
  }
  /** The rule, made once, of the values that a schema allows. */
  #valueOf(schema5, pointer2) {
    if (schema5 === true) return anyValue;
    if (!isObject(schema5)) throw schemaError(pointer2, "got false, wanted a schema that some value fits; take it out");
    const known2 = this.#known.get(schema5);
    if (known2 !== void 0) return known2;
    const name = this.#freshName(`#${pointer2}`);
    this.#known.set(schema5, rule(name));
    this.#rules.set(name, choice());
    this.#rules.set(name, this.#body(schema5, pointer2));
    return rule(name);
  }
  #freshName(name) {
    if (this.#rules.size >= mostRules) throw schemaError("", `it comes to more than ${mostRules} parts; simplify it`);
    return this.#rules.has(name) ? `${name} (${this.#rules.size})` : name;
  }
  #define(name, body) {
    const fresh = this.#freshName(name);
    this.#rules.set(fresh, body);
    return fresh;
  }
  #body(schema5, pointer2) {
    const given = this.#simple(schema5, pointer2);
    if (given.$ref !== void 0) return this.#reference(String(given.$ref), pointer2);
    const branches = given.anyOf ?? given.oneOf;
    if (branches === void 0) return this.#typed(given, pointer2);
    const keyword = given.anyOf === void 0 ? "oneOf" : "anyOf";
    const rest = assertionsOf(given, [keyword]);
    const options = branches.flatMap((branch, i) => {
      if (branch === false) return [];
      const place = below(pointer2, keyword, i);
      if (isObject(branch)) checkKeywords(branch, place);
      if (Object.keys(rest).length === 0) return [this.#valueOf(branch, place)];
      return [this.#valueOf(branch === true ? rest : { allOf: [rest, branch] }, place)];
    });
    if (options.length === 0)
      throw schemaError(below(pointer2, keyword), "all its schemas are false; add one that is not");
    return choice(...options);
  }
  #reference(reference, pointer2) {
    const found = resolveReference(this.#root, reference, pointer2);
    return this.#valueOf(found.target, found.pointer);
  }
  /** The schema with `allOf`, and `$ref` beside other assertions, joined into one object of keywords. */
  #simple(schema5, pointer2, open3 = []) {
    if (open3.includes(schema5)) throw schemaError(pointer2, "it asks for itself by $ref or allOf; break the circle");
    checkKeywords(schema5, pointer2);
    const own = constAsEnum(assertionsOf(schema5, ["allOf", "$ref"]));
    const parts = Object.keys(own).length > 0 ? [own] : [];
    const inner = (member2, place2) => this.#joined(member2, place2, [...open3, schema5]);
    const members = schema5.allOf ?? [];
    for (const [i, member2] of members.entries()) parts.push(...inner(member2, below(pointer2, "allOf", i)));
    if (typeof schema5.$ref !== "string") return mergeSchemas([{}, ...parts], pointer2);
    if (parts.length === 0 && open3.length === 0) return { $ref: schema5.$ref };
    const { target, pointer: place } = resolveReference(this.#root, schema5.$ref, pointer2);
    return mergeSchemas([...parts, ...inner(target, place), {}], pointer2);
  }
  #joined(member2, pointer2, open3) {
    if (member2 === true) return [];
    if (!isObject(member2)) throw schemaError(pointer2, "got false, wanted a schema that some value fits; take it out");
    return [this.#simple(member2, pointer2, open3)];
  }
  #typed(given, pointer2) {
    if (Array.isArray(given.enum)) return this.#values(given, given.enum, pointer2);
    const named = given.type === void 0 ? spokenOf(given) : [given.type].flat();
    if (named.length === 0) return anyValue;
    const types = given.nullable === true && !named.includes("null") ? [...named, "null"] : named;
    const distinct = types.includes("number") ? types.filter((type) => type !== "integer") : types;
    return choice(...distinct.map((type) => this.#ofType(type, given, pointer2)));
  }
  #values(given, values, pointer2) {
    const others = Object.keys(assertionsOf(given, ["enum", "type", "nullable"]));
    if (others.length > 0) {
      throw schemaError(below(pointer2, others[0]), `'${others[0]}' beside enum or const is not supported; take it out`);
    }
    const types = given.type === void 0 ? void 0 : [given.type].flat();
    const fitting = values.filter((value) => types === void 0 || types.some((type) => isOfType(value, type)));
    const all2 = given.nullable === true ? [...fitting, null] : fitting;
    if (all2.length === 0) throw schemaError(pointer2, "no value of enum or const has the type; correct one of them");
    return choice(...[...new Set(all2.map((value) => JSON.stringify(value)))].map(text));
  }
  #ofType(type, given, pointer2) {
    if (type === "object") return this.#object(given, pointer2);
    if (type === "array") return this.#array(given, pointer2);
    if (type === "string") return strings(given, pointer2);
    if (type === "number") return numbers2(given, pointer2);
    if (type === "integer") return integers2(given, pointer2);
    return type === "null" ? text("null") : choice(text("true"), text("false"));
  }
  #object(given, pointer2) {
    const properties = isObject(given.properties) ? given.properties : {};
    const required = given.required ?? [];
    const additional = given.additionalProperties ?? (given.properties === void 0 && required.length === 0);
    const names = [...Object.keys(properties), ...required.filter((name) => !Object.hasOwn(properties, name))];
    const members = [...new Set(names)].flatMap((name) => {
      const schema5 = Object.hasOwn(properties, name) ? properties[name] : given.additionalProperties ?? true;
      const isRequired = required.includes(name);
      if (schema5 === false && !isRequired) return [];
      const value2 = this.#valueOf(schema5, below(pointer2, "properties", name));
      return [{ content: pair2(text(JSON.stringify(name)), value2), isRequired }];
    });
    if (additional === false) return this.#members("{", members, void 0, "}", pointer2);
    const value = this.#valueOf(additional, below(pointer2, "additionalProperties"));
    return this.#members("{", members, pair2(nameBut(names), value), "}", pointer2);
  }
  #array(given, pointer2) {
    const least2 = given.minItems ?? 0;
    const most = given.maxItems ?? Number.POSITIVE_INFINITY;
    if (least2 > most) throw schemaError(pointer2, "minItems is greater than maxItems; swap them");
    const prefix = given.prefixItems ?? [];
    if (most === 0) return text("[]");
    const ofItems = () => this.#valueOf(given.items ?? true, below(pointer2, "items"));
    if (prefix.length === 0) {
      if (given.items === false && least2 === 0) return text("[]");
      return enclosed("[", list(ofItems(), least2, most), "]");
    }
    const members = prefix.slice(0, Math.min(prefix.length, most)).map((schema5, i) => {
      return { content: this.#valueOf(schema5, below(pointer2, "prefixItems", i)), isRequired: i < least2 };
    });
    const isOpen = most > prefix.length && given.items !== false && (given.items !== void 0 || least2 > prefix.length);
    if (!isOpen && least2 > members.length)
      throw schemaError(below(pointer2, "items"), "false leaves too few for minItems");
    return this.#items(members, isOpen ? ofItems() : void 0, least2 - prefix.length, most - prefix.length, pointer2);
  }
  /** Items of which later ones need the earlier ones, then from `least` to `most` alike. */
  #items(items, more, least2, most, pointer2) {
    const comma = sequence(text(","), space5);
    const others = more && { kind: "repeat", body: sequence(comma, more), least: Math.max(least2, 0), most };
    const all2 = items.reduceRight((rest, { content, isRequired }, i) => {
      const item2 = rule(this.#define(`#${pointer2} from item ${i}`, sequence(...i > 0 ? [comma] : [], content, rest)));
      return isRequired ? item2 : optional(item2);
    }, others ?? text(""));
    return enclosed("[", all2, "]");
  }
  /** Members in order, of which some may be left out, then any number of others. */
  #members(open3, members, other2, close, pointer2) {
    const comma = sequence(text(","), space5);
    if (members.length === 0)
      return other2 ? enclosed(open3, list(other2, 0, Number.POSITIVE_INFINITY), close) : text(open3 + close);
    let begun = other2 ? { kind: "repeat", body: sequence(comma, other2), least: 0, most: Number.POSITIVE_INFINITY } : text("");
    let empty = other2 ? list(other2, 0, Number.POSITIVE_INFINITY) : text("");
    for (const [i, { content, isRequired }] of [...members.entries()].reverse()) {
      const next = sequence(content, begun);
      const [first2, later] = [next, sequence(comma, next)];
      empty = rule(this.#define(`#${pointer2} begun by ${i}`, isRequired ? first2 : choice(first2, empty)));
      begun = rule(this.#define(`#${pointer2} from ${i}`, isRequired ? later : choice(later, begun)));
    }
    return enclosed(open3, empty, close);
  }
};
function spokenOf(given) {
  return [...new Set(Object.keys(given).flatMap((name) => assertions[name]?.speaksOf ?? []))];
}
function constAsEnum(given) {
  if (!Object.hasOwn(given, "const")) return given;
  const { const: only, ...rest } = given;
  return mergeSchemas([rest, { enum: [only] }], "");
}
function isOfType(value, type) {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

// src/sample/grammar/ready/words.ts
var words2 = `
word ::= [a-z\xE0-\xF6\xF8-\xFF\u0153]{2,12} | [A-Z\xC0-\xD6\xD8-\xDE\u0152] [a-z\xE0-\xF6\xF8-\xFF\u0153]{2,11} | [aIO\xE0y]
last ::= [cdgj-np-suvz] [a-z\xE0-\xF6\xF8-\xFF\u0153]{3,9}
mark ::= [,;:]
`;

// src/sample/grammar/ready/haiku.ts
var haiku = `
root  ::= short "\\n" long "\\n" short
short ::= (" " word){1,4} " " last end?
long  ::= (" " word){2,6} " " last end?
end   ::= mark | [.!?]
${words2}`;

// src/sample/grammar/ready/play.ts
var play = `
root   ::= ("\\n" lines | speech) ("\\n\\n" speech)*
speech ::= name (" " name){0,3} ":\\n" lines
lines  ::= (line "\\n"){0,11} last
name   ::= [A-Z] [A-Z']{1,14}
line   ::= [A-Za-z'] inner{8,60} [a-z,;:.!?]
last   ::= [A-Za-z'] inner{1,60} [.!?]
inner  ::= [A-Za-z ',;:.!?-]
`;

// src/sample/grammar/ready/screenplay.ts
var screenplay = `
root       ::= scene ("\\n\\n" scene)*
scene      ::= heading ("\\n\\n" (sentences | dialogue | transition))+
heading    ::= ("INT." | "EXT." | "INT./EXT.") " " place " - " time
time       ::= "DAY" | "NIGHT" | "MORNING" | "EVENING" | "DAWN" | "DUSK" | "LATER" | "CONTINUOUS"

dialogue   ::= name voice? "\\n" (parenthesis "\\n")? sentences
voice      ::= " (" ("V.O." | "O.S." | "CONT'D") ")"
parenthesis ::= "(" word (" " word){0,3} ")"
transition ::= "CUT TO:" | "DISSOLVE TO:" | "SMASH CUT TO:" | "FADE OUT."

place      ::= name (" " name)?
name       ::= [A-Z\xC0-\xD6\xD8-\xDE\u0152]{2,9}
sentences  ::= sentence{1,3}
sentence   ::= " " word (mark? " " word){1,13} mark? " " last [.!?]
${words2}`;

// src/sample/grammar/ready/sonnet.ts
var sonnet = `
root ::= line ("\\n" line){13}
line ::= " " word (mark? " " word){2,7} mark? " " last end?
end  ::= mark | [.!?]
${words2}`;

// src/sample/grammar/form.ts
var readyGrammars = { haiku, play, screenplay, sonnet };
function asksForForm({ regex, jsonSchema, grammar }) {
  return regex !== "" || jsonSchema !== "" || grammar !== "";
}
function formOf({ regex, jsonSchema, grammar }) {
  if (regex !== "") return regexGrammar(regex);
  if (jsonSchema !== "") return jsonSchemaGrammar(typeof jsonSchema === "string" ? parse3(jsonSchema) : jsonSchema);
  if (grammar === "") return void 0;
  return gbnfGrammar(grammar.includes("::=") ? grammar : readyGrammar(grammar));
}
function readyGrammar(name) {
  const source = Object.hasOwn(readyGrammars, name) ? readyGrammars[name] : void 0;
  if (source !== void 0) return source;
  const names = Object.keys(readyGrammars);
  const nearest = nearestName(name, names);
  const remedy = nearest === void 0 ? `wanted rules, name ::= \u2026, or one of ${names.join(", ")}` : `did you mean '${nearest}'?`;
  throw new ConfigError(`grammar: got '${name}', which has no rules; ${remedy}`, { name, nearest });
}
function parse3(source) {
  try {
    return JSON.parse(source);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, " ").slice(0, 120) : "unknown reason";
    throw new ConfigError(`json schema: it is not JSON (${reason}); correct it`, {}, { cause });
  }
}

// src/sample/generation.ts
function checkRequest(model2, prompts, settings, options) {
  for (const [index, prompt2] of prompts.entries()) checkPrompt(model2, prompt2, index);
  for (const id5 of options.endOfText ?? []) checkId(model2, id5, "endOfText");
  if (settings.stop.length > 0 && options.decoder === void 0) {
    throw new ConfigError("generate: stop strings need a decoder from ids to text; pass decoder, or remove stop");
  }
  checkConstraint(model2, prompts, settings, options);
  if (options.speculation !== void 0) checkSpeculation(model2, settings, options, options.speculation);
  if (settings.beams > 1 && options.hooks?.afterWarpers !== void 0) {
    throw new ConfigError("generate: beam search has no warpers for a hook to follow; set beams to 1 for marks");
  }
}
function checkConstraint(model2, prompts, settings, { constraint }) {
  if (constraint === void 0 && asksForForm(settings)) {
    throw new ConfigError(
      "generate: regex, jsonSchema and grammar need the bytes of the vocabulary; pass constraint, a GrammarConstraint"
    );
  }
  if (constraint !== void 0 && settings.stop.length > 0) {
    throw new ConfigError("generate: stop could end what the constraint asks for in the middle; remove stop");
  }
  for (const prompt2 of prompts) constraint?.check(limitFor(model2, prompt2, settings) - prompt2.length);
}
var longestGuess = 64;
function checkSpeculation(model2, { beams }, { constraint }, speculation) {
  const [name, length] = "draft" in speculation ? ["length", speculation.length ?? 1] : ["lookup", speculation.lookup];
  if (!Number.isInteger(length) || length < 1 || length > longestGuess)
    throw new ConfigError(`generate: ${name} is ${length}, wanted 1 to ${longestGuess} ids to guess at a time`);
  const other2 = beams > 1 ? "beam search" : constraint === void 0 ? void 0 : "a form (regex, JSON schema, grammar)";
  if (other2 !== void 0)
    throw new ConfigError(`generate: ${other2} goes without guesses ahead; leave draft and lookup out`);
  if ("draft" in speculation && speculation.draft.vocabSize !== model2.vocabSize)
    throw new ConfigError(
      `generate: the draft's vocabulary has ${speculation.draft.vocabSize} ids, the model's ${model2.vocabSize}; draft with a model of the same tokenizer`
    );
}
function checkPrompt(model2, prompt2, index) {
  if (prompt2.length === 0) {
    throw new DataError(`generate: prompt ${index} is empty, wanted an id at least; begin with the end-of-text id`, {
      index
    });
  }
  if (prompt2.length > model2.contextLength) {
    throw new DataError(
      `generate: prompt ${index} has ${prompt2.length} ids, wanted at most the context's ${model2.contextLength}; shorten it`,
      { index, length: prompt2.length, contextLength: model2.contextLength }
    );
  }
  for (const id5 of prompt2) checkId(model2, id5, `prompt ${index}`);
}
function checkId({ vocabSize }, id5, where2) {
  if (Number.isInteger(id5) && id5 >= 0 && id5 < vocabSize) return;
  throw new DataError(
    `generate: got id ${id5} in ${where2}, wanted 0 to ${vocabSize - 1}; encode with the model's own tokenizer`,
    { id: id5, vocabSize }
  );
}
function limitFor(model2, prompt2, settings) {
  return Math.min(model2.contextLength, prompt2.length + settings.maxTokens);
}
function breakerIds(settings, options) {
  if (settings.dryMultiplier === 0) return [];
  return settings.drySequenceBreakers.flatMap((breaker) => {
    if (typeof breaker === "number") return [breaker];
    if (options.breakerId === void 0) {
      throw new ConfigError("generate: drySequenceBreakers as texts need a tokenizer; give ids, or pass breakerId");
    }
    return options.breakerId(breaker) ?? [];
  });
}

// src/sample/sampler.ts
init_errors();

// src/sample/dry.ts
function dry(options, vocabSize, capacity2) {
  const breaks = new Uint8Array(vocabSize);
  for (const id5 of options.breakers) breaks[id5] = 1;
  const matches = new Int32Array(capacity2);
  const longest2 = new Int32Array(vocabSize);
  return (logits, { ids: ids2, length }) => {
    const limit = lengthSinceBreaker(ids2, length, breaks);
    if (limit < options.allowedLength) return;
    matchesOfEnd(ids2, length, matches);
    longest2.fill(0);
    for (let back = 1; back < length; back++) {
      const next = ids2[length - back];
      const match = Math.min(matches[back], limit);
      if (match > longest2[next] && breaks[next] === 0) longest2[next] = match;
    }
    for (let back = 1; back < length; back++) {
      const next = ids2[length - back];
      const match = longest2[next];
      longest2[next] = 0;
      if (match < options.allowedLength) continue;
      logits[next] = logits[next] - options.multiplier * options.base ** (match - options.allowedLength);
    }
  };
}
function lengthSinceBreaker(ids2, length, breaks) {
  let count2 = 0;
  while (count2 < length && breaks[ids2[length - 1 - count2]] === 0) count2++;
  return count2;
}
function matchesOfEnd(ids2, length, matches) {
  const last3 = length - 1;
  let left = 0;
  let right = 0;
  for (let back = 1; back < length; back++) {
    let match = back < right ? Math.min(right - back, matches[back - left]) : 0;
    while (back + match < length && ids2[last3 - match] === ids2[last3 - back - match]) match++;
    matches[back] = match;
    if (back + match > right) {
      left = back;
      right = back + match;
    }
  }
}

// src/sample/no-repeat-ngram.ts
function noRepeatNgram(size7) {
  return (logits, { ids: ids2, length }) => {
    const banned = followersOf(ids2, length, size7);
    if (banned.size === 0) return;
    const isLeft = logits.some((logit, id5) => logit > Number.NEGATIVE_INFINITY && !banned.has(id5));
    if (isLeft) for (const id5 of banned) logits[id5] = Number.NEGATIVE_INFINITY;
  };
}
function followersOf(ids2, length, size7) {
  const found = /* @__PURE__ */ new Set();
  const last3 = length - (size7 - 1);
  for (let start = 0; start < last3; start++) {
    let same = 0;
    while (same < size7 - 1 && ids2[start + same] === ids2[last3 + same]) same++;
    if (same === size7 - 1) found.add(ids2[start + same]);
  }
  return found;
}

// src/sample/causal-model.ts
var promptChunk = 256;
var totalSlack = (count2) => 2e-6 + 4e-10 * count2;

// src/sample/nucleus.ts
function holdNucleus(logits, temperature, topP, candidates, sums2) {
  if (sums2 && holdSurely(logits, temperature, topP, candidates, sums2)) return;
  const top = greatestAllowed(logits);
  const scale = inverse(temperature);
  let total2 = 0;
  for (let id5 = 0; id5 < logits.length; id5++) total2 += expNegative((logits[id5] - top) * scale);
  gatherHeavy(logits, top, temperature, topP, total2, candidates);
  keepNucleus(candidates, topP);
}
function holdSurely(logits, temperature, topP, candidates, { top, total: total2 }) {
  gatherHeavy(logits, top, temperature, topP, total2, candidates);
  keepNucleus(candidates, topP);
  const { weights, count: count2, total: kept } = candidates;
  let lightest = 1;
  for (let i = 0; i < count2; i++) lightest = Math.min(lightest, weights[i]);
  const [wanted2, slack] = [topP * total2, totalSlack(logits.length)];
  return kept > wanted2 * (1 + slack) && kept - lightest < wanted2 * (1 - slack);
}
function gatherHeavy(logits, top, temperature, topP, total2, candidates) {
  const leastScore = Math.log((1 - topP) * total2 / logits.length) - 1e-3;
  collect(logits, top, Math.max(top + temperature * leastScore, -Number.MAX_VALUE), candidates);
  temper(candidates, temperature);
  candidates.total = total2;
}
function keepNucleus(candidates, topP) {
  keepHeaviest(candidates, candidates.scores, candidates.weights, topP * candidates.total);
}

// src/sample/penalties.ts
function logitBias(bias) {
  const entries = Object.entries(bias).map(([id5, value]) => [Number(id5), value]);
  return (logits) => {
    for (const [id5, value] of entries) logits[id5] = logits[id5] + value;
  };
}
function noEndBefore(minTokens, endOfText) {
  return (logits, { length, promptLength }) => {
    if (length - promptLength < minTokens) for (const id5 of endOfText) logits[id5] = Number.NEGATIVE_INFINITY;
  };
}
function repetitionPenalty(penalty, vocabSize) {
  const seen = new Uint8Array(vocabSize);
  return (logits, { ids: ids2, length }) => {
    seen.fill(0);
    for (let at = 0; at < length; at++) {
      const id5 = ids2[at];
      if (seen[id5] === 1) continue;
      seen[id5] = 1;
      const logit = logits[id5];
      logits[id5] = logit < 0 ? logit * penalty : logit / penalty;
    }
  };
}
function countPenalties(presence, frequency, vocabSize) {
  const counts = new Int32Array(vocabSize);
  return (logits, { ids: ids2, length, promptLength }) => {
    counts.fill(0);
    for (let at = promptLength; at < length; at++) counts[ids2[at]] += 1;
    for (let at = promptLength; at < length; at++) {
      const id5 = ids2[at];
      const count2 = counts[id5];
      if (count2 > 0) logits[id5] = logits[id5] - presence - frequency * count2;
      counts[id5] = 0;
    }
  };
}

// src/sample/warpers.ts
var warpers = [
  {
    name: "topP",
    active: ({ topK, topP }) => topK > 0 && topP < 1,
    // of all ids, holdNucleus takes it
    apply: (candidates, { topP }) => keepNucleus(candidates, topP)
  },
  { name: "minP", active: ({ minP }) => minP > 0, apply: (candidates, { minP }) => keepMinP(candidates, minP) },
  {
    name: "typicalP",
    active: ({ typicalP }) => typicalP < 1,
    apply: (candidates, { typicalP }) => keepTypical(candidates, typicalP)
  }
];
function keepMinP(candidates, minP) {
  let greatest4 = 0;
  for (let i = 0; i < candidates.count; i++) greatest4 = Math.max(greatest4, candidates.weights[i]);
  keepAtLeast(candidates, minP * greatest4);
}
function keepTypical(candidates, typicalP) {
  const { scores, weights, keys, count: count2, total: total2 } = candidates;
  let meanScore = 0;
  for (let i = 0; i < count2; i++) {
    const weight = weights[i];
    if (weight > 0) meanScore += weight / total2 * scores[i];
  }
  for (let i = 0; i < count2; i++) keys[i] = -Math.abs(meanScore - scores[i]);
  keepHeaviest(candidates, keys, weights, typicalP * total2);
}

// src/sample/sampler.ts
function processorsFor(settings, options) {
  const { logitBias: bias, repetitionPenalty: repetition, presencePenalty, frequencyPenalty, dryMultiplier } = settings;
  const { vocabSize, capacity: capacity2, breakers = [], endOfText = [] } = options;
  const processors = [];
  if (Object.keys(bias).length > 0) processors.push(logitBias(inVocabulary(bias, vocabSize)));
  if (repetition !== 1) processors.push(repetitionPenalty(repetition, vocabSize));
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    processors.push(countPenalties(presencePenalty, frequencyPenalty, vocabSize));
  }
  if (dryMultiplier > 0) {
    const { dryBase: base, dryAllowedLength: allowedLength } = settings;
    processors.push(dry({ multiplier: dryMultiplier, base, allowedLength, breakers }, vocabSize, capacity2));
  }
  if (settings.minTokens > 0) processors.push(noEndBefore(settings.minTokens, endOfText));
  return processors;
}
function inVocabulary(bias, vocabSize) {
  for (const id5 of Object.keys(bias)) {
    if (Number(id5) < vocabSize) continue;
    throw new ConfigError(`logitBias: got id ${id5}, wanted one below the vocabulary's ${vocabSize}`, { id: id5, vocabSize });
  }
  return bias;
}
var Sampler = class {
  #settings;
  #hooks;
  #constraint;
  #processors;
  #ban;
  #warpers;
  /** Whether anything comes before the temperature. */
  #changesLogits;
  #logits;
  /** Room for candidates; free to be used between choices. */
  room;
  constructor(settings, options) {
    this.#settings = settings;
    this.#hooks = options.hooks ?? {};
    this.#constraint = options.constraint;
    this.#processors = processorsFor(settings, options);
    this.#ban = settings.noRepeatNgram > 0 ? noRepeatNgram(settings.noRepeatNgram) : void 0;
    this.#warpers = warpers.filter((warper) => warper.active(settings));
    const { beforeWarpers } = this.#hooks;
    this.#changesLogits = Boolean(this.#processors.length || beforeWarpers || this.#constraint || this.#ban);
    this.#logits = new Float32Array(options.vocabSize);
    this.room = createCandidates(options.vocabSize);
  }
  /**
   * The id that follows. `logits` (`[vocabSize]`, finite or −∞) stays as it is; takes one draw from `random`, or none
   * at temperature 0, which takes the greatest (of equals, the lowest id). `sums` over these logits spare the time to
   * make them: the choice is the same.
   * Throws {@link ConfigError} where nothing is left to choose, {@link DivergenceError} where a hook wrote NaN or +∞.
   */
  choose(logits, context, random, sums2) {
    const room = this.narrowed(logits, context, sums2);
    return this.#settings.temperature === 0 ? room.ids[0] : draw(room, random.uniform());
  }
  /** What {@link Sampler.choose} draws from, in {@link Sampler.room}: at temperature 0 the greatest alone. */
  narrowed(logits, context, sums2) {
    const processed = this.processed(logits, context);
    if (this.#settings.temperature === 0) holdOnly(this.room, this.#greatest(processed, context));
    else {
      this.#narrow(processed, this.#changesLogits ? void 0 : sums2);
      if (this.#hooks.afterWarpers !== void 0) this.#mark(this.#hooks.afterWarpers, context);
    }
    return this.room;
  }
  /** A copy of `logits` with all done to it that comes before the temperature; valid until the next call. */
  processed(logits, context) {
    const row = this.#logits;
    row.set(logits);
    for (const process2 of this.#processors) process2(row, context.history);
    if (this.#hooks.beforeWarpers !== void 0) runHook(this.#hooks.beforeWarpers, row, context);
    this.#constraint?.apply(row, context.history);
    this.#ban?.(row, context.history);
    return row;
  }
  #greatest(row, context) {
    if (this.#hooks.afterWarpers !== void 0) runHook(this.#hooks.afterWarpers, row, context);
    return row.indexOf(greatestAllowed(row));
  }
  #narrow(row, sums2) {
    const { temperature, topK, topP } = this.#settings;
    if (topK === 0 && topP < 1) holdNucleus(row, temperature, topP, this.room, sums2);
    else {
      gather2(row, topK, this.room);
      temper(this.room, temperature);
    }
    for (const warper of this.#warpers) warper.apply(this.room, this.#settings);
  }
  #mark(hook, context) {
    const { ids: ids2, scores, count: count2 } = this.room;
    const row = this.#logits.fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < count2; i++) row[ids2[i]] = scores[i];
    runHook(hook, row, context);
    gather2(row, 0, this.room);
    temper(this.room, 1);
  }
};
function runHook(hook, row, context) {
  hook(row, context);
  for (let id5 = 0; id5 < row.length; id5++) {
    if (row[id5] < Number.POSITIVE_INFINITY) continue;
    throw new DivergenceError(`sampler hook: got ${row[id5]} at id ${id5}, wanted a finite logit or \u2212\u221E`, {
      row: context.row,
      step: context.step,
      id: id5
    });
  }
}
function holdOnly(room, id5) {
  room.ids[0] = id5;
  room.scores[0] = 0;
  room.weights[0] = 1;
  room.count = 1;
  room.total = 1;
}
function draw(candidates, uniform) {
  const { ids: ids2, weights, count: count2, total: total2 } = candidates;
  let left = uniform * total2;
  let at = 0;
  while (at < count2 - 1 && left >= weights[at]) left -= weights[at++];
  while (at > 0 && weights[at] === 0) at--;
  return ids2[at];
}

// src/sample/stop-matcher.ts
var StopMatcher = class {
  #stops;
  #withheld = "";
  #met;
  constructor(stops) {
    this.#stops = stops;
  }
  /** Takes the next piece; after a stop string was met, gives nothing more. */
  push(piece) {
    if (this.#met !== void 0) return { text: "", stop: this.#met };
    const text2 = this.#withheld + piece;
    const match = this.#firstMatch(text2);
    if (match === void 0) return { text: this.#withhold(text2) };
    this.#met = match.stop;
    this.#withheld = "";
    return { text: text2.slice(0, match.start), stop: match.stop };
  }
  /** Ends the stream: what was withheld began no stop string after all. */
  end() {
    const text2 = this.#withheld;
    this.#withheld = "";
    return text2;
  }
  #firstMatch(text2) {
    let best;
    for (const stop of this.#stops) {
      const start = text2.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      const bestEnd = best === void 0 ? Number.POSITIVE_INFINITY : best.start + best.stop.length;
      if (end < bestEnd || end === bestEnd && best !== void 0 && start < best.start) best = { stop, start };
    }
    return best;
  }
  /** Keeps back the longest end of `text` that begins a stop string; gives the rest. */
  #withhold(text2) {
    const length = Math.max(0, ...this.#stops.map((stop) => overlap(text2, stop)));
    this.#withheld = text2.slice(text2.length - length);
    return text2.slice(0, text2.length - length);
  }
};
function overlap(text2, stop) {
  let length = Math.min(text2.length, stop.length - 1);
  while (length > 0 && !text2.endsWith(stop.slice(0, length))) length--;
  return length;
}

// src/sample/text-track.ts
var TextTrack = class {
  #decoder;
  #matcher;
  constructor(decoder, stops) {
    this.#decoder = decoder;
    this.#matcher = new StopMatcher(stops);
  }
  push(id5) {
    return this.#matcher.push(this.#decoder.push(id5));
  }
  /** The rest of the text. */
  end() {
    const { text: text2, stop } = this.#matcher.push(this.#decoder.end());
    return stop === void 0 ? text2 + this.#matcher.end() : text2;
  }
};

// src/sample/continuation.ts
function openContinuation(model2, prompt2, row, settings, options) {
  const limit = limitFor(model2, prompt2, settings);
  const random = Random.seed(settings.seed).split("sample").at(row);
  const text2 = options.decoder && new TextTrack(options.decoder(), settings.stop);
  return { row, history: createHistory(prompt2, limit), limit, random, text: text2, finished: false };
}
function samplerOf({ vocabSize }, capacity2, settings, options) {
  const { hooks, constraint, endOfText } = options;
  const breakers = breakerIds(settings, options);
  return new Sampler(settings, {
    vocabSize,
    capacity: capacity2,
    breakers,
    ...endOfText && { endOfText },
    ...hooks && { hooks },
    ...constraint && { constraint }
  });
}
function* advance(row, logits, sampler, settings, options, sums2) {
  if (row.finished || (yield* endsBefore(row, options))) return [];
  const context = contextOf(row);
  const normalizer = sums2?.normalizer ?? logNormalizer(logits, context);
  row.random.counter = context.step;
  const id5 = sampler.choose(logits, context, row.random, sums2);
  yield* take(row, { id: id5, logits, normalizer }, sampler, settings, options);
  return row.finished ? [] : [id5];
}
function contextOf({ row, history }) {
  return { row, step: history.length - history.promptLength, history };
}
function* endsBefore(row, options) {
  const reason = options.signal?.aborted ? "aborted" : endOf(row, options);
  if (reason !== void 0) yield finish(row, reason);
  return row.finished;
}
function* take(row, { id: id5, logits, normalizer }, sampler, settings, options) {
  const { history } = row;
  const logProbability = logits[id5] - normalizer;
  if (options.endOfText?.includes(id5)) return yield finish(row, "endOfText", { end: { id: id5, logProbability } });
  history.ids[history.length++] = id5;
  const released = row.text?.push(id5);
  const event = {
    type: "token",
    row: row.row,
    id: id5,
    logProbability,
    ...settings.topLogProbabilities > 0 && {
      top: likeliest(logits, normalizer, settings.topLogProbabilities, sampler.room)
    },
    ...released && { text: released.text }
  };
  yield event;
  if (released?.stop !== void 0) return yield finish(row, "stop", { stop: released.stop });
  const end = endOf(row, options);
  if (end !== void 0) yield finish(row, end);
}
function endOf({ history, limit }, { constraint }) {
  if (constraint?.isOver(history)) return "complete";
  return history.length >= limit ? "length" : void 0;
}
function finish(row, reason, facts = {}) {
  row.finished = true;
  return { type: "finish", row: row.row, reason, ...facts, ...row.text && { text: row.text.end() } };
}

// src/sample/beam-search.ts
async function* beamSearch(model2, prompt2, index, settings, options) {
  const limit = limitFor(model2, prompt2, settings);
  const state = await model2.open({ batch: settings.beams, capacity: limit });
  const row = (options.firstRow ?? 0) + index * settings.n;
  try {
    const sampler = samplerOf(model2, limit, settings, options);
    const best = await searchFrom(prompt2, state, { model: model2, settings, options, sampler, row, limit });
    for (const [rank, hypothesis] of best.slice(0, settings.n).entries()) {
      yield* report(hypothesis, row + rank, options);
    }
  } finally {
    state.release();
  }
}
async function searchFrom(prompt2, state, search) {
  const { settings, options, model: model2, limit } = search;
  const { beams, beamGroups, diversity } = settings;
  const groups = Array.from({ length: beamGroups }, (_, at) => new BeamGroup(search, prompt2, at));
  const rows = Array.from({ length: beams }, (_, row) => row);
  const penalties = new Float32Array(model2.vocabSize);
  let logits = await state.append(rows.map((row) => row === 0 ? prompt2 : []));
  for (let length = prompt2.length; ; length++) {
    const ending = options.signal?.aborted ? "aborted" : length >= limit ? "length" : void 0;
    penalties.fill(0);
    for (const group of groups) {
      if (ending !== void 0) group.close(ending);
      else group.step(logits, penalties);
      for (const { tokens } of group.living) penalties[tokens.at(-1).id] += diversity;
    }
    const living = groups.flatMap((group) => group.living);
    if (living.length === 0) break;
    const order = [...rows];
    const ids2 = rows.map(() => []);
    for (const { row, from, tokens } of living) {
      order[row] = from;
      ids2[row] = [tokens.at(-1).id];
    }
    await state.reorder(order);
    logits = await state.append(ids2);
  }
  return groups.flatMap((group) => group.complete).sort((a, b) => b.score - a.score);
}
function* report(hypothesis, row, options) {
  const text2 = options.decoder && new TextTrack(options.decoder(), []);
  for (const token of hypothesis.beam.tokens) {
    yield { type: "token", row, ...token, ...text2 && { text: text2.push(token.id).text } };
  }
  const { reason, score: score2, end } = hypothesis;
  yield { type: "finish", row, reason, score: score2, ...end && { end }, ...text2 && { text: text2.end() } };
}

// src/sample/resolve-settings.ts
init_errors();

// src/sample/settings.ts
var samplerFields = [
  {
    name: "temperature",
    type: "number",
    minimum: 0,
    maximum: 100,
    default: 0.8,
    off: 1,
    description: "divides the logits: below 1 plays safe, above 1 dares; 0 always takes the likeliest"
  },
  { name: "topK", type: "integer", minimum: 0, default: 0, off: 0, description: "draw from the k likeliest only" },
  {
    name: "topP",
    type: "number",
    above: 0,
    maximum: 1,
    default: 0.95,
    off: 1,
    description: "draw from the fewest likeliest whose probabilities reach p (nucleus)"
  },
  {
    name: "minP",
    type: "number",
    minimum: 0,
    maximum: 1,
    default: 0,
    off: 0,
    description: "draw from those at least p times as likely as the likeliest"
  },
  {
    name: "typicalP",
    type: "number",
    above: 0,
    maximum: 1,
    default: 1,
    off: 1,
    description: "draw from the fewest of the most typical surprise whose probabilities reach p"
  },
  {
    name: "repetitionPenalty",
    type: "number",
    above: 0,
    maximum: 10,
    default: 1,
    off: 1,
    description: "above 1 makes ids of prompt and continuation less likely to return (CTRL)"
  },
  {
    name: "presencePenalty",
    type: "number",
    minimum: -2,
    maximum: 2,
    default: 0,
    off: 0,
    description: "taken off the logit of each id that the continuation holds"
  },
  {
    name: "frequencyPenalty",
    type: "number",
    minimum: -2,
    maximum: 2,
    default: 0,
    off: 0,
    description: "taken off the logit of each id once for every time the continuation holds it"
  },
  {
    name: "dryMultiplier",
    type: "number",
    minimum: 0,
    maximum: 100,
    default: 0,
    off: 0,
    description: "strength of DRY, which punishes what would continue a verbatim repetition; 0.8 is usual"
  },
  {
    name: "dryBase",
    type: "number",
    minimum: 1,
    maximum: 100,
    default: 1.75,
    description: "by how much the DRY penalty grows with each further id of a repetition"
  },
  {
    name: "dryAllowedLength",
    type: "integer",
    minimum: 1,
    default: 2,
    description: "repetitions shorter than this go unpunished by DRY"
  },
  {
    name: "drySequenceBreakers",
    type: "breakers",
    default: ["\n", ":", '"', "*"],
    description: "what no DRY repetition reaches across"
  },
  {
    name: "noRepeatNgram",
    type: "integer",
    minimum: 0,
    default: 0,
    off: 0,
    description: "forbid what would make n ids in a row stand twice in prompt and continuation"
  },
  { name: "logitBias", type: "biases", default: {}, description: "numbers to add to the logits of ids" },
  {
    name: "beams",
    type: "integer",
    minimum: 1,
    maximum: 64,
    default: 1,
    off: 1,
    description: "width of a beam search, which draws nothing at random"
  },
  {
    name: "lengthPenalty",
    type: "number",
    minimum: -10,
    maximum: 10,
    default: 1,
    description: "beams are ranked by log-probability \xF7 length to this power: above 0 favours the longer"
  },
  {
    name: "earlyStopping",
    type: "boolean",
    default: false,
    description: "stop the beam search at the first full set of finished beams, not when none can beat them"
  },
  {
    name: "beamGroups",
    type: "integer",
    minimum: 1,
    maximum: 64,
    default: 1,
    off: 1,
    description: "groups of beams, each kept from what earlier ones write (diverse beam search); beams divide into them"
  },
  {
    name: "diversity",
    type: "number",
    above: 0,
    maximum: 100,
    default: 0.5,
    description: "taken off the log-probability of an id for each beam of an earlier group with it in the same place"
  },
  { name: "n", type: "integer", minimum: 1, maximum: 1024, default: 1, description: "continuations of each prompt" },
  {
    name: "seed",
    type: "integer",
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: "the same seed gives the same continuation"
  },
  { name: "maxTokens", type: "integer", minimum: 1, default: 256, description: "the longest continuation, in ids" },
  {
    name: "minTokens",
    type: "integer",
    minimum: 0,
    default: 0,
    off: 0,
    description: "the shortest continuation, in ids: no end of text before so many; stop strings may be shorter"
  },
  { name: "stop", type: "strings", default: [], description: "texts before which the continuation ends" },
  {
    name: "logProbabilities",
    type: "boolean",
    default: false,
    description: "report the log-probability of each id, by the model itself, before any setting"
  },
  {
    name: "topLogProbabilities",
    type: "integer",
    minimum: 0,
    maximum: 20,
    default: 0,
    off: 0,
    description: "report as many of the likeliest alternatives at each step too"
  },
  {
    name: "fillRounds",
    type: "integer",
    minimum: 1,
    maximum: 1024,
    default: 10,
    description: "rounds in which gaps are filled, the least sure ones again each time (mask-predict; bert only)"
  },
  {
    name: "gibbsSweeps",
    type: "integer",
    minimum: 0,
    maximum: 1024,
    default: 0,
    off: 0,
    description: "fill gaps by so many sweeps of Gibbs sampling instead (bert only)"
  },
  {
    name: "regex",
    type: "regex",
    default: "",
    description: "write only what this regular expression matches as a whole"
  },
  { name: "jsonSchema", type: "schema", default: "", description: "write only JSON that this JSON schema allows" },
  { name: "grammar", type: "grammar", default: "", description: "write only what this grammar allows" }
];
var defaultSamplerSettings = Object.fromEntries(
  samplerFields.map((field) => [field.name, field.default])
);

// src/sample/resolve-settings.ts
function resolveSamplerSettings(given) {
  const settings = { ...defaultSamplerSettings };
  for (const [name, value] of Object.entries(given)) {
    if (value === void 0) continue;
    const field = samplerFields.find((candidate) => candidate.name === name);
    if (field === void 0) throw unknownName(name);
    checkValue2(field, value);
    settings[name] = value;
  }
  const resolved = settings;
  for (const { when, message } of contradictions) {
    if (when(resolved)) throw new ConfigError(`sampler settings: ${message(resolved)}`, { given });
  }
  return resolved;
}
function unknownName(name) {
  const names = samplerFields.map((field) => field.name);
  const nearest = nearestName(name, names);
  const remedy = nearest === void 0 ? `wanted one of ${names.join(", ")}` : `did you mean '${nearest}'?`;
  return new ConfigError(`sampler settings: unknown setting '${name}'; ${remedy}`, { name, nearest });
}
function checkValue2(field, value) {
  if (checks[field.type](value, field)) return;
  const got = typeof value === "number" ? String(value) : JSON.stringify(value);
  throw new ConfigError(`${field.name}: got ${got}, wanted ${wanted(field)}`, { name: field.name, value });
}
var checks = {
  number: (value, field) => typeof value === "number" && Number.isFinite(value) && inRange(value, field),
  integer: (value, field) => Number.isSafeInteger(value) && inRange(value, field),
  boolean: (value) => typeof value === "boolean",
  strings: (value) => Array.isArray(value) && value.every((text2) => typeof text2 === "string" && text2 !== ""),
  breakers: (value) => Array.isArray(value) && value.every((item2) => typeof item2 === "string" && item2 !== "" || isId(item2)),
  biases: (value) => typeof value === "object" && value !== null && Object.entries(value).every(([id5, bias]) => /^\d+$/.test(id5) && Number.isFinite(bias)),
  regex: (value) => typeof value === "string",
  schema: (value) => ["string", "boolean"].includes(typeof value) || isPlainObject(value),
  grammar: (value) => typeof value === "string"
};
function isPlainObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function inRange(value, { minimum: minimum2, above: above2, maximum: maximum2 }) {
  return value >= (minimum2 ?? -Infinity) && value > (above2 ?? -Infinity) && value <= (maximum2 ?? Infinity);
}
function isId(value) {
  return Number.isSafeInteger(value) && value >= 0;
}
function wanted({ type, minimum: minimum2, above: above2, maximum: maximum2 }) {
  if (type === "boolean") return "true or false";
  if (type === "strings") return "a list of texts that are not empty";
  if (type === "breakers") return "a list of ids or texts that are not empty";
  if (type === "regex") return "a regular expression as a text";
  if (type === "schema") return "a JSON schema as an object or a text";
  if (type === "grammar") return "a grammar in GBNF as a text";
  if (type === "biases") return 'an object of finite numbers by id, such as {"198": -5}';
  const bounds = [
    above2 === void 0 ? void 0 : `above ${above2}`,
    minimum2 === void 0 ? void 0 : `at least ${minimum2}`,
    maximum2 === void 0 ? void 0 : `at most ${maximum2}`
  ];
  const range = bounds.filter((bound2) => bound2 !== void 0).join(", ");
  return `${type === "integer" ? "a whole number" : "a number"} ${range}`;
}
var contradictions = [
  {
    when: ({ temperature, n: n2, beams }) => temperature === 0 && n2 > 1 && beams === 1,
    message: ({ n: n2 }) => `temperature 0 would make all n = ${n2} continuations equal; raise temperature, or set beams \u2265 n`
  },
  {
    when: ({ n: n2, beams }) => beams > 1 && n2 > beams,
    message: ({ n: n2, beams }) => `n = ${n2} is more than beams = ${beams} can give; set beams to ${n2} or n to ${beams}`
  },
  {
    when: (settings) => settings.beams > 1 && drawingSetting(settings) !== void 0,
    message: (settings) => `beam search draws nothing at random; remove ${drawingSetting(settings)} or set beams to 1`
  },
  {
    when: ({ beams, stop }) => beams > 1 && stop.length > 0,
    message: () => "beam search ends at the end of text, not at stop strings; remove stop or set beams to 1"
  },
  {
    when: (settings) => formSettings(settings).length > 1,
    message: (settings) => `${formSettings(settings).join(" and ")} cannot be asked for at once; choose one`
  },
  {
    when: (settings) => settings.stop.length > 0 && formSettings(settings).length > 0,
    message: (settings) => `stop could end what ${formSettings(settings)[0]} asks for in the middle; remove stop`
  },
  {
    when: ({ minTokens, maxTokens }) => minTokens > maxTokens,
    message: ({ minTokens, maxTokens }) => `minTokens = ${minTokens} is more than maxTokens = ${maxTokens}; raise maxTokens or lower minTokens`
  },
  {
    when: (settings) => settings.minTokens > 0 && formSettings(settings).length > 0,
    message: (settings) => `${formSettings(settings)[0]} says itself where a text may end; remove minTokens`
  },
  ...dependents("beams", ["lengthPenalty", "earlyStopping", "beamGroups"], "set beams above 1"),
  ...dependents("beamGroups", ["diversity"], "set it to 2, say"),
  {
    when: ({ beams, beamGroups }) => beams % beamGroups !== 0,
    message: ({ beams, beamGroups }) => `${beams} beams don't divide into ${beamGroups} groups; set beams to ${Math.ceil(beams / beamGroups) * beamGroups}`
  },
  ...dependents("dryMultiplier", ["dryBase", "dryAllowedLength", "drySequenceBreakers"], "set it to 0.8, say")
];
function formSettings(settings) {
  return ["regex", "jsonSchema", "grammar"].filter((name) => settings[name] !== "");
}
function drawingSetting(settings) {
  const names = ["temperature", "topK", "topP", "minP", "typicalP"];
  return names.find((name) => {
    const field = fieldOf(name);
    const greedy = name === "temperature" && settings.temperature === 0;
    return settings[name] !== field.default && settings[name] !== field.off && !greedy;
  });
}
function dependents(master, names, remedy) {
  const isOff = (settings) => settings[master] === fieldOf(master).off;
  return names.map((name) => ({
    when: (settings) => isOff(settings) && JSON.stringify(settings[name]) !== JSON.stringify(fieldOf(name).default),
    message: (settings) => `${name} does nothing while ${master} is ${settings[master]}; ${remedy}, or remove ${name}`
  }));
}
function fieldOf(name) {
  return samplerFields.find((field) => field.name === name);
}

// src/sample/speculation/draft.ts
var DraftGuesser = class _DraftGuesser {
  #state;
  #capacity;
  #vocabSize;
  #options;
  /** The ids in the draft's cache: some of the last may since have been refused. */
  #held = [];
  constructor(model2, state, capacity2, options) {
    this.#state = state;
    this.#capacity = capacity2;
    this.#vocabSize = model2.vocabSize;
    this.#options = options;
  }
  static async open(model2, options) {
    const capacity2 = Math.min(model2.contextLength, options.limit);
    return new _DraftGuesser(model2, await model2.open({ batch: 1, capacity: capacity2 }), capacity2, options);
  }
  async guess(history, wanted2) {
    const { length } = history;
    const count2 = Math.min(wanted2, this.#capacity - length + 1);
    const guesses = [];
    if (count2 <= 0) return guesses;
    let logits = await this.#read(this.#unread(history));
    try {
      while (true) {
        const guess = this.#draw(logits, history);
        guesses.push(guess);
        if (guesses.length === count2 || this.#options.endOfText.includes(guess.id)) return guesses;
        history.ids[history.length++] = guess.id;
        logits = await this.#read([guess.id]);
      }
    } finally {
      history.length = length;
    }
  }
  release() {
    this.#state.release();
  }
  /** Forgets what was refused; gives what follows what is left. */
  #unread({ ids: ids2, length }) {
    let same = 0;
    while (same < Math.min(this.#held.length, length - 1) && this.#held[same] === ids2[same]) same++;
    this.#state.truncate(0, same);
    this.#held.length = same;
    return Array.from(ids2.subarray(same, length));
  }
  async #read(ids2) {
    const logits = await this.#state.append([ids2]);
    this.#held.push(...ids2);
    return logits.subarray(0, this.#vocabSize);
  }
  #draw(logits, history) {
    const { row, sampler, random } = this.#options;
    const step = history.length - history.promptLength;
    logNormalizer(logits, { row, step });
    const room = sampler.narrowed(logits, { row, step, history });
    random.counter = step;
    return { id: draw(room, random.uniform()), ...distributionOf(room) };
  }
};
function distributionOf({ ids: ids2, weights, count: count2, total: total2 }) {
  return { ids: ids2.slice(0, count2), probabilities: weights.subarray(0, count2).map((weight) => weight / total2) };
}

// src/sample/speculation/guess.ts
function judge(guess, target, accept, redraw) {
  const of = (ids2, count2) => {
    for (let i = 0; i < count2; i++) if (ids2[i] === guess.id) return i;
    return -1;
  };
  const [at, own] = [of(target.ids, target.count), of(guess.ids, guess.ids.length)];
  const p = at < 0 ? 0 : target.weights[at] / target.total;
  if (accept.uniform() * guess.probabilities[own] < p) return guess.id;
  keepExcess(target, guess);
  return target.total > 0 ? draw(target, redraw.uniform()) : guess.id;
}
function keepExcess(target, { ids: ids2, probabilities: probabilities2 }) {
  let total2 = 0;
  let at = 0;
  for (let i = 0; i < target.count; i++) {
    const id5 = target.ids[i];
    while (at < ids2.length && ids2[at] < id5) at++;
    const q = ids2[at] === id5 ? probabilities2[at] : 0;
    const weight = Math.max(0, target.weights[i] / target.total - q);
    target.weights[i] = weight;
    total2 += weight;
  }
  target.total = total2;
}

// src/sample/speculation/lookup.ts
var longest = 3;
var lookup = {
  guess: async (history, count2) => {
    const begin = whereRepeated(history);
    if (begin === void 0) return [];
    const end = Math.min(begin + count2, history.length);
    return Array.from(history.ids.subarray(begin, end), certain);
  },
  release: () => {
  }
};
function certain(id5) {
  return { id: id5, ids: [id5], probabilities: [1] };
}
function whereRepeated({ ids: ids2, length }) {
  for (let run = Math.min(longest, length - 1); run > 0; run--) {
    for (let end = length - 1; end >= run; end--) {
      let same = 0;
      while (same < run && ids2[end - 1 - same] === ids2[length - 1 - same]) same++;
      if (same === run) return end;
    }
  }
  return void 0;
}

// src/sample/speculation/speculate.ts
var usualLength = 4;
async function* speculate(model2, row, settings, options, speculation) {
  const { history, limit } = row;
  const { vocabSize } = model2;
  const sampler = samplerOf(model2, limit, settings, options);
  const [accept, redraw] = [row.random.split("accept"), row.random.split("redraw")];
  const longest2 = "lookup" in speculation ? speculation.lookup : speculation.length ?? usualLength;
  const counts = { guessed: 0, accepted: 0 };
  const state = await model2.open({ batch: 1, capacity: limit });
  let guesser;
  try {
    guesser = await guesserOf(row, settings, options, speculation);
    if (history.length > 1) await state.append([Array.from(history.ids.subarray(0, history.length - 1))]);
    while (!row.finished) {
      const guesses = await guesser.guess(history, Math.max(0, Math.min(longest2, limit - history.length - 1)));
      const fed = [history.ids[history.length - 1], ...guesses.map(({ id: id5 }) => id5)];
      const logits = await state.score(0, fed);
      for (const at of fed.keys()) {
        const isOver = yield* counted(endsBefore(row, options), counts);
        if (isOver) break;
        const own = logits.subarray(at * vocabSize, (at + 1) * vocabSize);
        const context = contextOf(row);
        const normalizer = logNormalizer(own, context);
        for (const stream of [accept, redraw, row.random]) stream.counter = context.step;
        const guess = guesses[at];
        const id5 = guess ? judge(guess, sampler.narrowed(own, context), accept, redraw) : sampler.choose(own, context, row.random);
        if (guess) counts.guessed++;
        if (id5 === guess?.id) counts.accepted++;
        yield* counted(take(row, { id: id5, logits: own, normalizer }, sampler, settings, options), counts);
        if (row.finished || id5 !== guess?.id) break;
      }
      state.truncate(0, Math.min(state.lengths[0], history.length - 1));
    }
  } finally {
    guesser?.release();
    state.release();
  }
}
function guesserOf({ row, random, limit }, settings, options, speculation) {
  if ("lookup" in speculation) return Promise.resolve(lookup);
  const { hooks: _, endOfText = [], ...rest } = options;
  const sampler = samplerOf(speculation.draft, limit, settings, rest);
  return DraftGuesser.open(speculation.draft, { sampler, random: random.split("draft"), row, limit, endOfText });
}
function* counted(events, counts) {
  for (; ; ) {
    const { done, value } = events.next();
    if (done) return value;
    yield value.type === "finish" ? { ...value, guesses: { ...counts } } : value;
  }
}

// src/sample/generate.ts
async function* generate(model2, prompts, given = {}, options = {}) {
  const settings = resolveSamplerSettings(given);
  checkRequest(model2, prompts, settings, options);
  if (prompts.length === 0) return;
  if (settings.beams > 1) {
    for (const [index, prompt2] of prompts.entries()) yield* beamSearch(model2, prompt2, index, settings, options);
  } else if (options.speculation !== void 0) {
    for (const row of continuationsOf(model2, prompts, settings, options))
      yield* speculate(model2, row, settings, options, options.speculation);
  } else yield* drawAll(model2, prompts, settings, options);
}
function continuationsOf(model2, prompts, settings, options) {
  const first2 = options.firstRow ?? 0;
  return prompts.flatMap(
    (prompt2, index) => Array.from(
      { length: settings.n },
      (_, continuation2) => openContinuation(model2, prompt2, first2 + index * settings.n + continuation2, settings, options)
    )
  );
}
async function* drawAll(model2, prompts, settings, options) {
  const capacity2 = Math.max(...prompts.map((prompt2) => limitFor(model2, prompt2, settings)));
  const { vocabSize } = model2;
  const sampler = samplerOf(model2, capacity2, settings, options);
  const rows = continuationsOf(model2, prompts, settings, options);
  const temperatures = rows.map(() => settings.temperature);
  const state = await model2.open({ batch: rows.length, capacity: capacity2 });
  try {
    let logits = await prefill(state, prompts, settings.n, vocabSize);
    while (true) {
      const next = [];
      for (const [index, row] of rows.entries()) {
        const rowLogits = logits.subarray(index * vocabSize, (index + 1) * vocabSize);
        next.push(yield* advance(row, rowLogits, sampler, settings, options, state.sums?.(index)));
      }
      if (rows.every((row) => row.finished)) return;
      logits = await state.append(next, temperatures);
    }
  } finally {
    state.release();
  }
}
async function prefill(state, prompts, n2, vocabSize) {
  const owner = (row) => row - row % n2;
  const rows = Array.from({ length: state.batch }, (_, row) => row);
  const logits = await state.append(rows.map((row) => owner(row) === row ? prompts[row / n2] ?? [] : []));
  if (n2 === 1) return logits;
  const spread2 = new Float32Array(state.batch * vocabSize);
  for (const row of rows) {
    spread2.set(logits.subarray(owner(row) * vocabSize, (owner(row) + 1) * vocabSize), row * vocabSize);
  }
  await state.reorder(rows.map(owner));
  return spread2;
}

// src/sample/complete.ts
function completionOf(row, events) {
  const tokens = events.filter((event) => event.type === "token");
  const finish2 = events.find((event) => event.type === "finish");
  const logProbabilities = tokens.map((token) => token.logProbability);
  const end = finish2.end?.logProbability ?? 0;
  return {
    row,
    ids: tokens.map((token) => token.id),
    logProbabilities,
    logProbability: logProbabilities.reduce((sum2, value) => sum2 + value, end),
    finishReason: finish2.reason,
    ...finish2.text !== void 0 && { text: events.map((event) => event.text ?? "").join("") },
    ...tokens.some((token) => token.top) && { top: tokens.map((token) => token.top ?? []) },
    ...finish2.score !== void 0 && { score: finish2.score },
    ...finish2.guesses !== void 0 && { guesses: finish2.guesses }
  };
}

// src/sample/grammar/grammar-constraint.ts
init_errors();

// src/sample/grammar/automaton.ts
init_errors();

// src/sample/grammar/program.ts
init_errors();
var positionKinds = { read: 0, call: 1, split: 2, end: 3 };
var mostPositions = 5e5;
var ProgramBuilder = class {
  #kinds = [];
  #targets = [];
  #nexts = [];
  #splits = /* @__PURE__ */ new Map();
  #classes = [];
  #classIndices = /* @__PURE__ */ new Map();
  #entries = [];
  #names = [];
  /** Declares a rule, whose entry comes later; gives its number. */
  addRule(name) {
    this.#names.push(name);
    return this.#entries.push(-1) - 1;
  }
  setEntry(rule2, position) {
    this.#entries[rule2] = position;
  }
  /** A position that reads one of the bytes that `holds` has, `[256]`, and goes on at `next`. */
  read(holds, next) {
    const key = holds.join("");
    let index = this.#classIndices.get(key);
    if (index === void 0) {
      index = this.#classes.push(holds) - 1;
      this.#classIndices.set(key, index);
    }
    return this.#add(positionKinds.read, index, next);
  }
  call(rule2, next) {
    return this.#add(positionKinds.call, rule2, next);
  }
  /** A position that goes all these ways; they may be given later by {@link ProgramBuilder.setSplit}. */
  split(ways) {
    const [only] = ways;
    if (ways.length === 1 && only !== void 0) return only;
    const position = this.#add(positionKinds.split, -1, -1);
    this.#splits.set(position, ways);
    return position;
  }
  setSplit(position, ways) {
    this.#splits.set(position, ways);
  }
  end() {
    return this.#add(positionKinds.end, -1, -1);
  }
  build(start) {
    const { groupOf, groups } = groupBytes(this.#classes);
    return {
      kinds: this.#kinds,
      targets: this.#targets,
      nexts: this.#nexts,
      splits: this.#splits,
      classes: this.#classes.map((holds) => byGroup(holds, groupOf, groups)),
      groupOf,
      groups,
      entries: this.#entries,
      names: this.#names,
      start
    };
  }
  #add(kind, target, next) {
    if (this.#kinds.length >= mostPositions) {
      throw new ConfigError(
        `grammar: got more than ${mostPositions} positions, wanted fewer; shorten the repetitions, or let them be unbounded`,
        { mostPositions }
      );
    }
    this.#kinds.push(kind);
    this.#targets.push(target);
    return this.#nexts.push(next) - 1;
  }
};
function groupBytes(classes5) {
  let groupOf = new Uint8Array(256);
  let groups = 1;
  for (const holds of classes5) {
    const split2 = /* @__PURE__ */ new Map();
    groupOf = groupOf.map((group, byte2) => {
      const key = group * 2 + holds[byte2];
      if (!split2.has(key)) split2.set(key, split2.size);
      return split2.get(key);
    });
    groups = split2.size;
  }
  return { groupOf, groups };
}
function byGroup(holds, groupOf, groups) {
  const own = new Uint8Array(groups);
  for (let byte2 = 0; byte2 < 256; byte2++) own[groupOf[byte2]] = holds[byte2];
  return own;
}

// src/sample/grammar/least-bytes.ts
function leastBytes(program, canRead) {
  const { kinds, targets, nexts, splits, classes: classes5, entries } = program;
  const readable = classes5.map((holds) => holds.some((held, group) => held === 1 && canRead(group)));
  const least2 = new Float64Array(kinds.length).fill(Number.POSITIVE_INFINITY);
  const at = (position) => least2[position];
  const bytesFrom = (position) => {
    const [target, next] = [targets[position], nexts[position]];
    if (kinds[position] === positionKinds.end) return 0;
    if (kinds[position] === positionKinds.read) return readable[target] ? 1 + at(next) : Number.POSITIVE_INFINITY;
    if (kinds[position] === positionKinds.call) return at(entries[target]) + at(next);
    return (splits.get(position) ?? []).reduce((fewest, way) => Math.min(fewest, at(way)), Number.POSITIVE_INFINITY);
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let position = 0; position < kinds.length; position++) {
      const bytes = bytesFrom(position);
      if (bytes >= at(position)) continue;
      least2[position] = bytes;
      changed = true;
    }
  }
  return least2;
}

// src/sample/grammar/stack-sets.ts
var StackSets = class {
  #leastBytes;
  #known = /* @__PURE__ */ new Map();
  #unions = /* @__PURE__ */ new Map();
  #made = 0;
  /** The empty stack alone. */
  bottom;
  /** `leastBytes` of each position to its rule's end. */
  constructor(leastBytes2) {
    this.#leastBytes = leastBytes2;
    this.bottom = this.#set(true, [], []);
  }
  /** These stacks with `position` on top of each. */
  push(position, stacks) {
    return this.#set(false, [position], [stacks]);
  }
  union(a, b) {
    if (a === b) return a;
    const key = a.id < b.id ? `${a.id},${b.id}` : `${b.id},${a.id}`;
    let both2 = this.#unions.get(key);
    if (both2 === void 0) {
      both2 = this.#unite(a, b);
      this.#unions.set(key, both2);
    }
    return both2;
  }
  #unite(a, b) {
    const below2 = new Map(a.returns.map((position, i) => [position, a.below[i]]));
    for (const [i, position] of b.returns.entries()) {
      const other2 = below2.get(position);
      const own = b.below[i];
      below2.set(position, other2 === void 0 ? own : this.union(other2, own));
    }
    const returns = [...below2.keys()].sort((x, y) => x - y);
    return this.#set(
      a.empty || b.empty,
      returns,
      returns.map((position) => below2.get(position))
    );
  }
  #set(empty, returns, below2) {
    const key = `${empty}${returns.map((position, i) => `;${position},${below2[i]?.id}`).join("")}`;
    const known2 = this.#known.get(key);
    if (known2 !== void 0) return known2;
    const leastBytes2 = returns.reduce(
      (least2, position, i) => Math.min(least2, this.#leastBytes[position] + below2[i].leastBytes),
      empty ? 0 : Number.POSITIVE_INFINITY
    );
    const made2 = { id: this.#made++, empty, returns, below: below2, leastBytes: leastBytes2 };
    this.#known.set(key, made2);
    return made2;
  }
};

// src/sample/grammar/automaton.ts
var mostWays = 2e4;
var Automaton = class {
  program;
  /** The state of the empty text; null where no text can be finished with the bytes there are. */
  start;
  /** Positions of all states made so far: what finding them cost. */
  work = 0;
  #leastBytes;
  #stacks;
  #states = /* @__PURE__ */ new Map();
  /** `canRead` says which groups of bytes a text can have: a vocabulary may lack some. */
  constructor(program, canRead = () => true) {
    this.program = program;
    this.#leastBytes = leastBytes(program, canRead);
    this.#stacks = new StackSets(this.#leastBytes);
    this.start = this.#stateOf([program.entries[program.start]], [this.#stacks.bottom]);
  }
  /** How many states there are so far. */
  get size() {
    return this.#states.size;
  }
  /** The state after one more byte, of `group`; null where it may not follow. */
  step(state, group) {
    const known2 = state.next[group];
    if (known2 !== void 0) return known2;
    const { targets, nexts, classes: classes5 } = this.program;
    const positions2 = [];
    const stacks = [];
    for (const [i, position] of state.positions.entries()) {
      if (classes5[targets[position]]?.[group] !== 1) continue;
      positions2.push(nexts[position]);
      stacks.push(state.stacks[i]);
    }
    const next = positions2.length === 0 ? null : this.#stateOf(positions2, stacks);
    state.next[group] = next;
    return next;
  }
  /** The state of all positions that read and that can be reached from these without reading. */
  #stateOf(from, fromStacks) {
    const reached = /* @__PURE__ */ new Map();
    const accepts = this.#close(from, fromStacks, reached);
    if (reached.size > mostWays) throw tooAmbiguous(reached.size);
    const positions2 = [...reached.keys()].sort((a, b) => a - b);
    const stacks = positions2.map((position) => reached.get(position));
    const key = `${accepts}${positions2.map((position, i) => `;${position},${stacks[i]?.id}`).join("")}`;
    const known2 = this.#states.get(key);
    if (known2 !== void 0) return known2;
    const least2 = positions2.reduce(
      (fewest, position, i) => Math.min(fewest, this.#bytesFrom(position, stacks[i])),
      accepts ? 0 : Number.POSITIVE_INFINITY
    );
    if (least2 === Number.POSITIVE_INFINITY) return null;
    const next = new Array(this.program.groups).fill(void 0);
    this.work += positions2.length;
    const state = { positions: positions2, stacks, accepts, leastBytes: least2, next, walk: -1, slot: 0 };
    this.#states.set(key, state);
    return state;
  }
  /** Follows calls, splits and ends to the positions that read; whether a text may end. */
  #close(from, fromStacks, reached) {
    const { kinds, targets, nexts, splits, entries } = this.program;
    const seen = /* @__PURE__ */ new Set();
    const positions2 = [...from].reverse();
    const stacks = [...fromStacks].reverse();
    let accepts = false;
    while (positions2.length > 0) {
      const position = positions2.pop();
      const stack = stacks.pop();
      const visit = (next, below2) => {
        positions2.push(next);
        stacks.push(below2);
      };
      if (this.#bytesFrom(position, stack) === Number.POSITIVE_INFINITY) continue;
      if (kinds[position] === positionKinds.read) {
        const other2 = reached.get(position);
        reached.set(position, other2 === void 0 ? stack : this.#stacks.union(other2, stack));
        continue;
      }
      const key = `${position},${stack.id}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (kinds[position] === positionKinds.split) for (const way of splits.get(position) ?? []) visit(way, stack);
      else if (kinds[position] === positionKinds.call) {
        visit(entries[targets[position]], this.#below(nexts[position], stack));
      } else {
        accepts ||= stack.empty;
        for (const [i, back] of stack.returns.entries()) visit(back, stack.below[i]);
      }
    }
    return accepts;
  }
  /** What a call leaves below it: nothing new where the caller ends with it, so that repetitions do not pile up. */
  #below(next, stack) {
    return this.program.kinds[next] === positionKinds.end ? stack : this.#stacks.push(next, stack);
  }
  #bytesFrom(position, stack) {
    return this.#leastBytes[position] + stack.leastBytes;
  }
};
function tooAmbiguous(ways) {
  return new ConfigError(
    `grammar: a text could be followed in ${ways} ways at once, wanted at most ${mostWays}; shorten the repetitions, or write alternatives that do not begin alike`,
    { ways, mostWays }
  );
}

// src/sample/grammar/check-program.ts
init_errors();
var mostBytes = 2e4;
function checkProgram(program) {
  checkLeftRecursion(program);
  const least2 = leastBytes(program, () => true);
  const bytes = least2[program.entries[program.start]];
  if (bytes <= mostBytes) return;
  if (bytes < Number.POSITIVE_INFINITY) throw tooLong(bytes);
  const endless = program.names.filter((_, rule2) => least2[program.entries[rule2]] === Number.POSITIVE_INFINITY);
  throw new ConfigError(
    `grammar: no text can follow it, for ${quoted(endless)} never come to an end; add an alternative that does`,
    { rules: endless }
  );
}
function tooLong(bytes) {
  return new ConfigError(
    `grammar: the shortest text that follows it has ${bytes} bytes, wanted at most ${mostBytes}; ask for fewer repetitions`,
    { bytes, mostBytes }
  );
}
function quoted(names) {
  const shown = names.slice(0, 3).map((name) => `'${name}'`);
  return `${names.length === 1 ? "rule" : "rules"} ${shown.join(", ")}${names.length > 3 ? " and others" : ""}`;
}
function checkLeftRecursion(program) {
  const first2 = firstCalls(program, nullableRules(program));
  const done = /* @__PURE__ */ new Set();
  const path2 = [];
  const visit = (rule2) => {
    if (path2.includes(rule2)) throw leftRecursion([...path2.slice(path2.indexOf(rule2)), rule2], program);
    if (done.has(rule2)) return;
    path2.push(rule2);
    for (const called of first2[rule2] ?? []) visit(called);
    path2.pop();
    done.add(rule2);
  };
  for (let rule2 = 0; rule2 < program.entries.length; rule2++) visit(rule2);
}
function leftRecursion(cycle, { names }) {
  const name = names[cycle[0]];
  const way = cycle.map((rule2) => names[rule2]).join(" \u2192 ");
  return new ConfigError(
    `grammar: rule '${name}' begins with itself (${way}), which cannot be followed from left to right; break the circle, or write the repetition as item (separator item)*`,
    { rule: name }
  );
}
function nullableRules(program) {
  const nullable = new Uint8Array(program.entries.length);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [rule2, entry] of program.entries.entries()) {
      if (nullable[rule2] === 1 || !reach(program, entry, nullable, () => {
      })) continue;
      nullable[rule2] = 1;
      changed = true;
    }
  }
  return nullable;
}
function firstCalls(program, nullable) {
  return program.entries.map((entry) => {
    const called = /* @__PURE__ */ new Set();
    reach(program, entry, nullable, (rule2) => called.add(rule2));
    return [...called];
  });
}
function reach(program, entry, nullable, onCall) {
  const { kinds, targets, nexts, splits } = program;
  const seen = /* @__PURE__ */ new Set();
  const left = [entry];
  let ends = false;
  for (let at = left.pop(); at !== void 0; at = left.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    if (kinds[at] === positionKinds.end) ends = true;
    else if (kinds[at] === positionKinds.split) left.push(...splits.get(at) ?? []);
    else if (kinds[at] === positionKinds.call) {
      onCall(targets[at]);
      if (nullable[targets[at]] === 1) left.push(nexts[at]);
    }
  }
  return ends;
}

// src/sample/grammar/compile.ts
init_errors();

// src/sample/grammar/utf8-positions.ts
var lengths = [
  { first: 128, last: 2047, lead: 192, tails: 1 },
  { first: 2048, last: 65535, lead: 224, tails: 2 },
  { first: 65536, last: 1114111, lead: 240, tails: 3 }
];
var continuation = 128;
function singleBytes(set) {
  const holds = new Uint8Array(256);
  for (const [first2, last3] of set) if (first2 < 128) holds.fill(1, first2, Math.min(last3, 127) + 1);
  return holds.includes(1) ? holds : void 0;
}
function multiBytePositions(set, builder, next) {
  const blocks = new Blocks(builder, next);
  return lengths.flatMap(
    ({ first: first2, last: last3, lead, tails }) => blocks.ways(within(set, first2, last3), lead, tails, first2 === 65536 ? 5 : 64)
  );
}
function hasMultiByte(set) {
  return (set.at(-1)?.[1] ?? 0) >= 128;
}
var Blocks = class {
  #builder;
  #next;
  #known = /* @__PURE__ */ new Map();
  constructor(builder, next) {
    this.#builder = builder;
    this.#next = next;
  }
  /** A position for each kind of block among `count` blocks of 64^tails, whose bytes start at `firstByte`. */
  ways(ranges, firstByte, tails, count2) {
    const size7 = 64 ** tails;
    const kinds = /* @__PURE__ */ new Map();
    for (let block = 0; block < count2; block++) {
      const inside = within(ranges, block * size7, (block + 1) * size7 - 1);
      if (inside.length === 0) continue;
      const relative2 = inside.map(([a, b]) => [a - block * size7, b - block * size7]);
      const key = relative2.join(";");
      if (!kinds.has(key)) kinds.set(key, { bytes: new Uint8Array(256), inside: relative2 });
      kinds.get(key).bytes[firstByte + block] = 1;
    }
    return [...kinds.values()].map(({ bytes, inside }) => this.#builder.read(bytes, this.#block(inside, tails)));
  }
  #block(ranges, tails) {
    if (tails === 0) return this.#next;
    const key = `${tails}:${ranges.join(";")}`;
    let position = this.#known.get(key);
    if (position === void 0) {
      position = this.#builder.split(this.ways(ranges, continuation, tails - 1, 64));
      this.#known.set(key, position);
    }
    return position;
  }
};
function within(set, first2, last3) {
  return set.flatMap(
    ([a, b]) => b < first2 || a > last3 ? [] : [[Math.max(a, first2), Math.min(b, last3)]]
  );
}

// src/sample/grammar/compile.ts
var utf88 = new TextEncoder();
function compile3(grammar) {
  return new Compiler(grammar).compile();
}
var Compiler = class {
  #grammar;
  #builder = new ProgramBuilder();
  #rules = /* @__PURE__ */ new Map();
  #sets = /* @__PURE__ */ new Map();
  /** Rules whose positions are still to be made. */
  #pending = [];
  constructor(grammar) {
    this.#grammar = grammar;
  }
  compile() {
    const start = this.#ruleOf(this.#grammar.start);
    for (let next = this.#pending.pop(); next !== void 0; next = this.#pending.pop()) {
      this.#builder.setEntry(next.rule, this.#positions(next.body, this.#builder.end()));
    }
    return this.#builder.build(start);
  }
  #ruleOf(name) {
    const known2 = this.#rules.get(name);
    if (known2 !== void 0) return known2;
    const body = this.#grammar.rules.get(name);
    if (body === void 0) throw undefinedRule(name, this.#grammar);
    const rule2 = this.#builder.addRule(name);
    this.#rules.set(name, rule2);
    this.#pending.push({ rule: rule2, body });
    return rule2;
  }
  /** The position from which `expression` is read before it goes on at `next`. */
  #positions(expression, next) {
    switch (expression.kind) {
      case "text":
        return this.#text(expression.text, next);
      case "characters":
        return this.#characters(expression.set, next);
      case "sequence":
        return expression.parts.reduceRight((after, part) => this.#positions(part, after), next);
      case "choice":
        return this.#builder.split(expression.options.map((option) => this.#positions(option, next)));
      case "repeat":
        return this.#repeat(expression.body, expression.least, expression.most, next);
      case "rule":
        return this.#builder.call(this.#ruleOf(expression.name), next);
    }
  }
  #text(text2, next) {
    return utf88.encode(text2).reduceRight((after, byte2) => this.#builder.read(oneByte(byte2), after), next);
  }
  /** Characters of several bytes are a rule of their own, made once for each set. */
  #characters(set, next) {
    const single = singleBytes(set);
    const ways = single === void 0 ? [] : [this.#builder.read(single, next)];
    if (hasMultiByte(set)) ways.push(this.#builder.call(this.#multiByteRule(set), next));
    return this.#builder.split(ways);
  }
  #multiByteRule(set) {
    const key = set.join(";");
    const known2 = this.#sets.get(key);
    if (known2 !== void 0) return known2;
    const rule2 = this.#builder.addRule("characters");
    this.#sets.set(key, rule2);
    this.#builder.setEntry(rule2, this.#builder.split(multiBytePositions(set, this.#builder, this.#builder.end())));
    return rule2;
  }
  #repeat(body, least2, most, next) {
    if (isOptional(body)) return this.#repeat(body.body, 0, most, next);
    const counted2 = least2 + (most === Number.POSITIVE_INFINITY ? 1 : most);
    const unit = counted2 > 1 && isLong(body) ? this.#shared(body) : body;
    let position = most === Number.POSITIVE_INFINITY ? this.#loop(unit, next) : this.#upTo(unit, most - least2, next);
    for (let i = 0; i < least2; i++) position = this.#positions(unit, position);
    return position;
  }
  #loop(body, next) {
    const loop = this.#builder.split([]);
    this.#builder.setSplit(loop, [this.#positions(body, loop), next]);
    return loop;
  }
  #upTo(body, most, next) {
    let position = next;
    for (let i = 0; i < most; i++) position = this.#builder.split([this.#positions(body, position), next]);
    return position;
  }
  /** A rule without a name of its own, so that copies of `body` take one position each. */
  #shared(body) {
    const name = `(repeated ${this.#rules.size})`;
    const rule2 = this.#builder.addRule(name);
    this.#rules.set(name, rule2);
    this.#pending.push({ rule: rule2, body });
    return { kind: "rule", name };
  }
};
function isOptional(body) {
  return body.kind === "repeat" && body.least === 0 && body.most === 1;
}
function isLong(body) {
  if (body.kind === "text") return body.text.length > 1;
  return body.kind === "sequence" || body.kind === "choice" || body.kind === "repeat";
}
function oneByte(byte2) {
  const holds = new Uint8Array(256);
  holds[byte2] = 1;
  return holds;
}
function undefinedRule(name, { rules }) {
  const nearest = nearestName(name, [...rules.keys()]);
  const remedy = nearest === void 0 ? "define it" : `did you mean '${nearest}'?`;
  return new ConfigError(`grammar: rule '${name}' is used but not defined; ${remedy}`, { rule: name, nearest });
}

// src/sample/grammar/token-trie.ts
function tokenTrie(tokens) {
  const spelled2 = tokens.flatMap((bytes2, id5) => bytes2 === void 0 || bytes2.length === 0 ? [] : [{ bytes: bytes2, id: id5 }]);
  spelled2.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.id - b.id);
  const bytes = [0];
  const depths = [0];
  const starts = [0];
  let before = new Uint8Array(0);
  for (const [index, token] of spelled2.entries()) {
    const shared3 = sharedLength(before, token.bytes);
    for (let depth = shared3; depth < token.bytes.length; depth++) {
      bytes.push(token.bytes[depth]);
      depths.push(depth + 1);
      starts.push(index);
    }
    before = Uint8Array.from(token.bytes);
  }
  starts.push(spelled2.length);
  return {
    nodes: bytes.length,
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    ends: endsOf(depths),
    starts: Int32Array.from(starts),
    ids: Int32Array.from(spelled2, ({ id: id5 }) => id5),
    longest: depths.reduce((most, depth) => Math.max(most, depth), 0)
  };
}
function sharedLength(a, b) {
  const most = Math.min(a.length, b.length);
  let shared3 = 0;
  while (shared3 < most && a[shared3] === b[shared3]) shared3++;
  return shared3;
}
function endsOf(depths) {
  const ends = new Int32Array(depths.length).fill(depths.length);
  const open3 = [];
  for (const [node, depth] of depths.entries()) {
    while (open3.length > 0 && depths[open3.at(-1)] >= depth) ends[open3.pop()] = node;
    open3.push(node);
  }
  return ends;
}
function walk(trie, automaton, from, visit, follows = () => true) {
  const { nodes, bytes, depths, ends, starts } = trie;
  const { groupOf } = automaton.program;
  const path2 = [from];
  for (let node = 1; node < nodes; ) {
    const depth = depths[node];
    const before = path2[depth - 1];
    const group = groupOf[bytes[node]];
    const known2 = before.next[group];
    const state = known2 === void 0 ? automaton.step(before, group) : known2;
    if (state === null || !follows(before, state)) {
      node = ends[node];
      continue;
    }
    path2[depth] = state;
    if (starts[node] !== starts[node + 1]) visit(node, state);
    node++;
  }
}

// src/sample/grammar/least-tokens.ts
var noWay = 2 ** 30;
var mostExplored = { states: 1e3, steps: 4e5, work: 2e5 };
function leastTokens(automaton, first2, later) {
  const exact = exactLeastTokens(automaton, first2, later);
  return exact === void 0 ? new ShortestTexts(automaton, later) : { of: (state) => exact.get(state) ?? noWay };
}
function exactLeastTokens(automaton, first2, later) {
  const { start } = automaton;
  const before = start && explore(automaton, start, first2, later);
  if (!before) return void 0;
  const found = /* @__PURE__ */ new Map();
  let border = [...before.keys()].filter((state) => state.accepts);
  for (let tokens = 0; border.length > 0; tokens++) {
    for (const state of border) found.set(state, tokens);
    border = [...new Set(border.flatMap((state) => [...before.get(state) ?? []]))].filter(
      (state) => !found.has(state)
    );
  }
  return found;
}
function explore(automaton, start, first2, later) {
  const before = /* @__PURE__ */ new Map();
  let steps = 0;
  const look = (trie, from, source) => {
    walk(trie, automaton, from, (_, target) => {
      steps++;
      const sources = before.get(target) ?? /* @__PURE__ */ new Set();
      if (source) sources.add(source);
      before.set(target, sources);
    });
  };
  look(first2, start);
  for (const [state] of before) {
    look(later, state, state);
    const isTooMuch = steps > mostExplored.steps || automaton.work > mostExplored.work;
    if (isTooMuch || before.size > mostExplored.states) return void 0;
  }
  return before;
}
var mostTied = 2e3;
var ShortestTexts = class {
  #automaton;
  #trie;
  /** Never forgotten while its states live: a budget relies on what was said of them. */
  #known = /* @__PURE__ */ new WeakMap();
  #seen = 0;
  constructor(automaton, trie) {
    this.#automaton = automaton;
    this.#trie = trie;
  }
  of(state) {
    const open3 = [{ state }];
    for (let top = open3.at(-1); top !== void 0; top = open3.at(-1)) {
      if (top.state.accepts) this.#known.set(top.state, 0);
      if (this.#known.has(top.state)) open3.pop();
      else if (top.targets === void 0) {
        top.targets = this.#nearer(top.state);
        for (const target of top.targets) if (!this.#known.has(target)) open3.push({ state: target });
      } else {
        const fewest = top.targets.reduce((least2, target) => Math.min(least2, this.#known.get(target) ?? noWay), noWay);
        this.#known.set(top.state, Math.min(noWay, 1 + fewest));
      }
    }
    return this.#known.get(state) ?? noWay;
  }
  /** The states after one token on the way to a nearest end. */
  #nearer(state) {
    const targets = /* @__PURE__ */ new Set();
    const all2 = (before, after) => after.leastBytes < before.leastBytes;
    const one = (before, after) => all2(before, after) && after === this.#nearest(before);
    walk(this.#trie, this.#automaton, state, (_, target) => targets.add(target), this.#seen++ < mostTied ? all2 : one);
    return [...targets];
  }
  /** The state after the first group of bytes that comes nearer to an end. */
  #nearest(state) {
    for (let group = 0; group < this.#automaton.program.groups; group++) {
      const after = this.#automaton.step(state, group);
      if (after !== null && after.leastBytes < state.leastBytes) return after;
    }
    return void 0;
  }
};

// src/sample/grammar/token-masks.ts
var mostBytes2 = 128 * 2 ** 20;
var TokenMasks = class {
  automaton;
  #vocabulary;
  #least;
  #words;
  #room;
  #walks = 0;
  #first;
  #later = /* @__PURE__ */ new Map();
  #bytes = 0;
  constructor(automaton, vocabulary) {
    this.automaton = automaton;
    this.#vocabulary = vocabulary;
    this.#least = leastTokens(automaton, vocabulary.firstTrie, vocabulary.laterTrie);
    this.#words = vocabulary.size + 31 >> 5;
    const most = Math.max(vocabulary.firstTrie.nodes, vocabulary.laterTrie.nodes);
    this.#room = { nodes: new Int32Array(most), slots: new Int32Array(most) };
  }
  /** The fewest tokens of a whole text that a budget must hold, Infinity where there is none. */
  get shortest() {
    const { start } = this.automaton;
    if (start === null) return Number.POSITIVE_INFINITY;
    if (start.accepts) return 0;
    const least2 = this.#masksOf(start, true).needs[0];
    return least2 === void 0 ? Number.POSITIVE_INFINITY : least2 + 1;
  }
  /**
   * The tokens that may follow `state` and leave room for an end within `budget` tokens, the token itself among them;
   * undefined where there are none. `isFirst` says that the text is still empty.
   */
  following(state, isFirst, budget) {
    const { needs, masks } = this.#masksOf(state, isFirst);
    let fitting = needs.length;
    while (fitting > 0 && needs[fitting - 1] > budget - 1) fitting--;
    return masks[fitting - 1];
  }
  #masksOf(state, isFirst) {
    const known2 = isFirst ? this.#first : this.#later.get(state);
    if (known2 !== void 0) return known2;
    const made2 = this.#make(state, isFirst ? this.#vocabulary.firstTrie : this.#vocabulary.laterTrie);
    if (isFirst) this.#first = made2;
    else this.#keep(state, made2);
    return made2;
  }
  #keep(state, made2) {
    this.#bytes += 256 + made2.masks.length * this.#words * 4;
    if (this.#bytes > mostBytes2) {
      this.#later = /* @__PURE__ */ new Map();
      this.#bytes = 0;
    }
    this.#later.set(state, made2);
  }
  #make(state, trie) {
    const { targets, nodes, slots, count: count2 } = this.#targetsFrom(state, trie);
    const needsOf = targets.map((target) => this.#least.of(target));
    const needs = [...new Set(needsOf)].filter((need) => need < noWay).sort((a, b) => a - b);
    const masks = needs.map(() => new Uint32Array(this.#words));
    const maskOf = needsOf.map((need) => masks[needs.indexOf(need)]);
    for (let i = 0; i < count2; i++) {
      const mask2 = maskOf[slots[i]];
      if (mask2 !== void 0) add2(mask2, trie, nodes[i]);
    }
    for (const [i, mask2] of masks.entries()) if (i > 0) unite(mask2, masks[i - 1]);
    return { needs, masks };
  }
  /** Nodes of tokens that may follow, `count` of them, and for each the number of the state that it leads to. */
  #targetsFrom(state, trie) {
    const { nodes, slots } = this.#room;
    const targets = [];
    const stamp = ++this.#walks;
    let count2 = 0;
    walk(trie, this.automaton, state, (node, target) => {
      if (target.walk !== stamp) {
        target.walk = stamp;
        target.slot = targets.push(target) - 1;
      }
      nodes[count2] = node;
      slots[count2++] = target.slot;
    });
    return { targets, nodes, slots, count: count2 };
  }
};
function add2(mask2, { starts, ids: ids2 }, node) {
  for (let i = starts[node]; i < starts[node + 1]; i++) {
    const id5 = ids2[i];
    mask2[id5 >> 5] = mask2[id5 >> 5] | 1 << (id5 & 31);
  }
}
function unite(mask2, other2) {
  for (let word = 0; word < mask2.length; word++) mask2[word] = mask2[word] | other2[word];
}
function applyMask(logits, mask2, kept) {
  const saved = kept.map((id5) => logits[id5]);
  const words3 = mask2?.length ?? 0;
  for (let word = 0; word < words3; word++) {
    const bits = mask2[word];
    if (bits === 4294967295) continue;
    const from = word << 5;
    if (bits === 0) logits.fill(Number.NEGATIVE_INFINITY, from, from + 32);
    else for (let bit = 0; bit < 32; bit++) if ((bits & 1 << bit) === 0) forbid(logits, from + bit);
  }
  if (words3 << 5 < logits.length) logits.fill(Number.NEGATIVE_INFINITY, words3 << 5);
  for (const [i, id5] of kept.entries()) logits[id5] = saved[i];
}
function forbid(logits, id5) {
  if (id5 < logits.length) logits[id5] = Number.NEGATIVE_INFINITY;
}

// src/sample/grammar/grammar-constraint.ts
var mostStates = 1e5;
var GrammarConstraint = class {
  #program;
  #vocabulary;
  #masks;
  #endOfText;
  /** Throws {@link ConfigError} for a grammar that no text follows, or none that the vocabulary can spell. */
  constructor(grammar, vocabulary, endOfText = []) {
    this.#program = compile3(grammar);
    checkProgram(this.#program);
    this.#vocabulary = vocabulary;
    this.#masks = this.#freshMasks();
    this.#endOfText = endOfText;
    if (this.shortest === Number.POSITIVE_INFINITY) {
      throw new ConfigError(
        "grammar: the vocabulary cannot spell any text that follows it; has it the characters that the grammar asks for?"
      );
    }
  }
  /** The fewest ids that hold a whole text, at most. */
  get shortest() {
    return this.#masks.shortest;
  }
  check(budget) {
    if (this.#masks.automaton.size > mostStates) this.#masks = this.#freshMasks();
    if (budget >= this.shortest) return;
    throw new ConfigError(
      `grammar: got room for ${budget} tokens, wanted at least ${this.shortest} for the shortest text that follows it; raise maxTokens, shorten the prompt, or loosen the grammar`,
      { budget, shortest: this.shortest }
    );
  }
  apply(logits, history) {
    const { state, masks } = this.#placeOf(history);
    const mask2 = masks.following(state, history.length === history.promptLength, roomOf(history));
    applyMask(logits, mask2, state.accepts ? this.#endOfText : []);
  }
  isOver(history) {
    if (this.#endOfText.length > 0) return false;
    const { state } = this.#placeOf(history);
    return state.accepts && state.positions.length === 0;
  }
  #freshMasks() {
    const groups = /* @__PURE__ */ new Set();
    for (const tokens of [this.#vocabulary.first, this.#vocabulary.later])
      for (const bytes of tokens) for (const byte2 of bytes ?? []) groups.add(this.#program.groupOf[byte2]);
    return new TokenMasks(new Automaton(this.#program, (group) => groups.has(group)), this.#vocabulary);
  }
  /** Follows what the history gained since it was last seen. */
  #placeOf(history) {
    const { promptLength, length } = history;
    const begun = history.place ?? this.#beginning(promptLength);
    let state = begun.state;
    for (let at = begun.after; at < length; at++)
      state = this.#read(begun.masks.automaton, state, history.ids[at], at === promptLength);
    if (history.place === void 0 || begun.after < length) history.place = { ...begun, state, after: length };
    return history.place;
  }
  #beginning(promptLength) {
    return { masks: this.#masks, state: this.#masks.automaton.start, after: promptLength };
  }
  #read(automaton, from, id5, isFirst) {
    const bytes = (isFirst ? this.#vocabulary.first : this.#vocabulary.later)[id5];
    let state = bytes === void 0 ? null : from;
    for (const byte2 of bytes ?? []) state = state && automaton.step(state, this.#program.groupOf[byte2]);
    if (state) return state;
    throw new ConfigError(
      `grammar: id ${id5} does not follow it; do hooks after the warpers allow what was forbidden?`,
      {
        id: id5
      }
    );
  }
};
function roomOf({ ids: ids2, length }) {
  return ids2.length - length;
}

// src/sample/grammar/vocabulary.ts
var known = /* @__PURE__ */ new WeakMap();
function vocabularyOf(tokens) {
  const trie = tokenTrie(tokens);
  return { size: tokens.length, first: tokens, later: tokens, firstTrie: trie, laterTrie: trie };
}
function vocabularyOfTokenizer(tokenizer) {
  let vocabulary = known.get(tokenizer);
  if (vocabulary === void 0) {
    vocabulary = readVocabulary(tokenizer);
    known.set(tokenizer, vocabulary);
  }
  return vocabulary;
}
function readVocabulary(tokenizer) {
  const never = /* @__PURE__ */ new Set([...tokenizer.specialIds, tokenizer.unknown, tokenizer.bos, tokenizer.eos, tokenizer.pad]);
  const bytesOf2 = (isFirst) => Array.from({ length: tokenizer.vocabSize }, (_, id5) => {
    return never.has(id5) || tokenizer.tokenOf(id5) === void 0 ? void 0 : tokenizer.bytesOf(id5, isFirst);
  });
  const [first2, later] = [bytesOf2(true), bytesOf2(false)];
  const isAlike = first2.every((bytes, id5) => Buffer.compare(bytes ?? none2, later[id5] ?? none2) === 0);
  if (isAlike) return vocabularyOf(later);
  return { size: later.length, first: first2, later, firstTrie: tokenTrie(first2), laterTrie: tokenTrie(later) };
}
var none2 = new Uint8Array(0);

// src/version.ts
var version = "0.1.0";

// src/text/chat/chat.ts
import { Template as Template2 } from "@huggingface/jinja";
init_errors();
var plainTemplate = [
  "{%- for message in messages %}",
  "{%- if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}",
  "{%- elif message['role'] == 'user' %}{{ 'User:\\n' + message['content'] + '\\n\\n' }}",
  "{%- else %}{{ 'Assistant:\\n' + message['content'] + eos_token + '\\n\\n' }}",
  "{%- endif %}",
  "{%- endfor %}",
  "{%- if add_generation_prompt %}{{ 'Assistant:\\n' }}{%- endif %}"
].join("");
var Chat = class {
  #tokenizer;
  #template;
  /** What templates call the special tokens. */
  #special;
  /** Throws {@link ConfigError} for a tokenizer without a template, {@link CheckpointError} for a template that is none. */
  constructor(tokenizer) {
    const { chatTemplate: source, bos, eos, pad: pad2, unknown } = tokenizer;
    if (source === void 0)
      throw new ConfigError(
        "chat: the tokenizer has no chat template, so the model was not made to talk; leave --chat out, or teach it: atelier train text --task instruct"
      );
    this.#tokenizer = tokenizer;
    const named = { bos_token: bos, eos_token: eos, pad_token: pad2, unk_token: unknown };
    const special2 = Object.entries(named).flatMap(([name, id5]) => {
      return id5 === void 0 ? [] : [[name, tokenizer.tokenOf(id5) ?? ""]];
    });
    this.#special = Object.fromEntries(special2);
    try {
      this.#template = new Template2(source);
    } catch (cause) {
      throw new CheckpointError(
        `tokenizer_config.json: its chat_template is no template (${reasonOf(cause)})`,
        {},
        { cause }
      );
    }
  }
  /** The conversation as text; `asks` begins what the assistant is to say next. Throws {@link DataError} where the template refuses it. */
  text(messages, { asks }) {
    try {
      return this.#template.render({ ...this.#special, messages, add_generation_prompt: asks });
    } catch (cause) {
      const remedy = "change the messages, or the model\u2019s chat_template";
      throw new DataError(`chat: the template refuses the conversation (${reasonOf(cause)}); ${remedy}`, {}, { cause });
    }
  }
  /** Ids after which the assistant is to speak. */
  prompt(messages) {
    return [...this.#tokenizer.encode(this.text(messages, { asks: true }))];
  }
  /**
   * Ids of a conversation, and which of them the assistant says: what follows each prompt for its turn, up to the
   * special token that ends the turn, or its whole text where none does. Throws {@link DataError} where the template
   * refuses it or does not show an answer.
   */
  tokens(messages) {
    const tokenizer = this.#tokenizer;
    const text2 = this.text(messages, { asks: false });
    const ids2 = tokenizer.encode(text2);
    const answers = new Uint8Array(ids2.length);
    for (const [start, end] of this.#answersIn(text2, messages)) {
      const from = tokensBefore(tokenizer, ids2, text2, start);
      const to = tokensBefore(tokenizer, ids2, text2, end);
      const last3 = ids2.subarray(from, to).findLastIndex((id5) => tokenizer.specialIds.includes(id5));
      answers.fill(1, from, last3 < 0 ? to : from + last3 + 1);
    }
    return { ids: ids2, answers };
  }
  /** Ids that end what the assistant says. */
  ends() {
    const { ids: ids2, answers } = this.tokens([
      { role: "user", content: "a" },
      { role: "assistant", content: "b" }
    ]);
    const last3 = ids2[answers.lastIndexOf(1)];
    return last3 !== void 0 && this.#tokenizer.specialIds.includes(last3) ? [last3] : [];
  }
  /** Where each of the assistant's turns stands in the text: between the prompt for it and the text with it. */
  #answersIn(text2, messages) {
    let done = 0;
    return messages.flatMap(({ role, content }, i) => {
      if (role !== "assistant") return [];
      const span = this.#answerAt(text2, messages.slice(0, i + 1), done);
      if (!span)
        throw new DataError(`chat: the template does not show the answer ${JSON.stringify(content.slice(0, 40))}`);
      done = span[1];
      return [span];
    });
  }
  /** The last turn's place; where templates write a turn otherwise when others follow, it is looked for by its words. */
  #answerAt(text2, turns, done) {
    const content = turns.at(-1).content.trim();
    const prompt2 = this.#attempt(turns.slice(0, -1), true);
    const whole = this.#attempt(turns, false);
    const asked = prompt2 !== void 0 && prompt2.length >= done && text2.startsWith(prompt2);
    const start = asked ? prompt2.length : text2.indexOf(content, done);
    if (start < 0) return void 0;
    if (whole !== void 0 && whole.length > start && text2.startsWith(whole)) return [start, whole.length];
    const at = text2.indexOf(content, start);
    if (at < 0) return void 0;
    const end = at + content.length;
    const closing = whole?.slice(whole.lastIndexOf(content) + content.length) ?? "";
    return [start, text2.startsWith(closing, end) ? end + closing.length : end];
  }
  /** The text of a part of a conversation; undefined where the template refuses it. */
  #attempt(messages, asks) {
    try {
      return this.text(messages, { asks });
    } catch {
      return void 0;
    }
  }
};
function tokensBefore(tokenizer, ids2, text2, end) {
  if (end === text2.length) return ids2.length;
  const before = tokenizer.encode(text2.slice(0, end));
  const other2 = before.findIndex((id5, i) => id5 !== ids2[i]);
  return other2 < 0 ? before.length : other2;
}
function reasonOf(cause) {
  return cause instanceof Error ? cause.message.replace(/\s+/g, " ").slice(0, 160) : "unknown reason";
}

// src/text/text-decoder.ts
function textDecoder(tokenizer, skipSpecial) {
  const stream = tokenizer.streamDecoder({ skipSpecial });
  return {
    push: (id5) => tokenizer.tokenOf(id5) === void 0 ? "" : stream.push(id5),
    end: () => stream.flush()
  };
}
function idsWithoutToken(tokenizer, vocabSize) {
  return Array.from({ length: vocabSize }, (_, id5) => id5).filter((id5) => tokenizer.tokenOf(id5) === void 0);
}

// src/text/writer.ts
init_errors();

// src/sample/cached-model.ts
init_errors();

// src/onnx/lower.ts
init_errors();

// src/onnx/schema.ts
import schema4 from "onnx-proto";
var { onnx } = schema4;

// src/onnx/emitter.ts
var { AttributeType } = onnx.AttributeProto;
var GraphEmitter = class {
  provider;
  nodes = [];
  constants = [];
  #written = /* @__PURE__ */ new Map();
  #constants = /* @__PURE__ */ new Map();
  #count = 0;
  #quantized;
  constructor(provider, quantized = {}) {
    this.provider = provider;
    this.#quantized = quantized;
  }
  quantized(name) {
    return Object.hasOwn(this.#quantized, name) ? this.#quantized[name] : void 0;
  }
  node(type, inputs, attributes = {}, { domain = "", outputs = 1 } = {}) {
    const key = JSON.stringify([domain, type, inputs, attributes]);
    const known2 = this.#written.get(key);
    if (known2) return known2;
    const names = Array.from({ length: outputs }, (_, i) => `${type}_${this.#count}${i > 0 ? `_${i}` : ""}`);
    this.nodes.push(
      onnx.NodeProto.create({
        opType: type,
        domain,
        name: `${type}_${this.#count++}`,
        input: [...inputs],
        output: names,
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
      })
    );
    this.#written.set(key, names);
    return names;
  }
  constant(value) {
    const bytes = new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
    const key = `${value.dtype} ${value.shape} ${checksum(bytes)}`;
    const alike = this.#constants.get(key) ?? [];
    const known2 = alike.find((other2) => sameBytes(other2.bytes, bytes));
    if (known2) return known2.name;
    const name = `constant_${this.#count++}`;
    this.constants.push(
      onnx.TensorProto.create({
        name,
        dataType: onnxType[value.dtype],
        dims: [...value.shape],
        rawData: bytes
      })
    );
    this.#constants.set(key, [...alike, { name, bytes }]);
    return name;
  }
  ints(values) {
    return this.constant({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }
  /** Puts others in the place of the first of some nodes, and of all of them. */
  replace(nodes, others) {
    this.nodes.splice(this.nodes.indexOf(nodes[0]), 1, ...others);
    for (const node of nodes.slice(1)) this.nodes.splice(this.nodes.indexOf(node), 1);
  }
  /** Gives the value `from` a second name, `to`, by an Identity node. */
  alias(from, to) {
    this.nodes.push(onnx.NodeProto.create({ opType: "Identity", name: `Identity_${to}`, input: [from], output: [to] }));
  }
};
function checksum(bytes) {
  let hash = 2166136261;
  for (const byte2 of bytes) hash = Math.imul(hash ^ byte2, 16777619);
  return hash;
}
function sameBytes(a, b) {
  return a.length === b.length && a.every((byte2, i) => byte2 === b[i]);
}
function attributeProto(name, value) {
  if ("int" in value) return { name, type: AttributeType.INT, i: value.int };
  if ("ints" in value) return { name, type: AttributeType.INTS, ints: [...value.ints] };
  if ("float" in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.string) };
}

// src/onnx/in-place.ts
var aliases = /* @__PURE__ */ new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten"]);
var elementwise = /* @__PURE__ */ new Set(["Add", "Sub", "Mul", "Div", "Neg", "Sqrt", "Min", "Max", "Where"]);
var inPlaceByDesign = /* @__PURE__ */ new Set(["GroupQueryAttention"]);
function unsafeInPlace(nodes, pairs) {
  const producer = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node])));
  const readers2 = /* @__PURE__ */ new Map();
  for (const node of nodes) for (const name of node.input) readers2.set(name, [...readers2.get(name) ?? [], node]);
  return Object.entries(pairs).filter(([output, input2]) => {
    const maker = producer.get(output);
    const before = ancestors(maker, producer);
    return !memoryReaders(input2, readers2).every(
      (node) => before.has(node) && (node !== maker || overwritesSafely(node))
    );
  }).map(([output]) => output);
}
function overwritesSafely({ opType }) {
  return elementwise.has(opType) || inPlaceByDesign.has(opType);
}
function ancestors(node, producer) {
  const found = /* @__PURE__ */ new Set();
  const pending = node ? [node] : [];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const name of next.input) {
      const maker = producer.get(name);
      if (maker) pending.push(maker);
    }
  }
  return found;
}
function memoryReaders(name, readers2) {
  return (readers2.get(name) ?? []).flatMap((node) => {
    if (!aliases.has(node.opType)) return [node];
    return [node, ...node.output.flatMap((output) => memoryReaders(output, readers2))];
  });
}

// src/onnx/stack-products.ts
function stackProducts(emitter, formats2, rowsOf, outputs) {
  const uses = /* @__PURE__ */ new Map();
  for (const { input: input2 } of emitter.nodes) for (const name of input2 ?? []) uses.set(name, (uses.get(name) ?? 0) + 1);
  const names = new Map(Object.keys(formats2).map((name) => [quantizedParts(name).packed, name]));
  const alike = /* @__PURE__ */ new Map();
  for (const node of emitter.nodes) {
    const [x = "", packed = ""] = node.input ?? [];
    const name = names.get(packed);
    if (node.opType !== "MatMulNBits" || name === void 0 || uses.get(packed) !== 1) continue;
    const { bits, blockSize: blockSize2 } = formats2[name];
    const key = `${x} ${bits} ${blockSize2}`;
    alike.set(key, [...alike.get(key) ?? [], { node, name, rows: rowsOf(name) }]);
  }
  const stacks = {};
  for (const products of alike.values()) {
    if (products.length < 2) continue;
    const stack = products.map(({ name }) => name).join("+");
    stacks[stack] = products.map(({ name }) => name);
    const made2 = products.map(({ node }) => node.output[0]);
    const whole = productOf(stack, products);
    const isPrivate = made2.every((name) => uses.get(name) === 1 && !outputs.has(name));
    const isTakenWhole = isPrivate && feedAttention(emitter, made2, whole.output[0]);
    emitter.replace(
      products.map(({ node }) => node),
      isTakenWhole ? [whole] : [whole, cutOf(emitter, whole.output[0], products)]
    );
  }
  return stacks;
}
function productOf(stack, products) {
  const [first2] = products;
  const { packed, scales } = quantizedParts(stack);
  const total2 = products.reduce((sum2, { rows }) => sum2 + rows, 0);
  const attribute = first2.node.attribute.map((one) => one.name === "N" ? { ...one, i: total2 } : one);
  const name = `${first2.node.name}_stack`;
  return onnx.NodeProto.create({
    ...{ opType: "MatMulNBits", domain: "com.microsoft", name, attribute },
    input: [first2.node.input[0], packed, scales],
    output: [name]
  });
}
function cutOf(emitter, whole, products) {
  const { INT } = onnx.AttributeProto.AttributeType;
  return onnx.NodeProto.create({
    ...{ opType: "Split", name: `${whole}_cut`, attribute: [{ name: "axis", type: INT, i: -1 }] },
    input: [whole, emitter.ints(products.map(({ rows }) => rows))],
    output: products.map(({ node }) => node.output[0])
  });
}
function feedAttention(emitter, made2, whole) {
  if (made2.length !== 3) return false;
  const reader3 = emitter.nodes.find(
    ({ opType, input: input2 }) => opType === "GroupQueryAttention" && made2.every((name, i) => input2[i] === name)
  );
  if (reader3) reader3.input = [whole, "", "", ...reader3.input.slice(3)];
  return reader3 !== void 0;
}

// src/onnx/lower.ts
var opsets = [
  { domain: "", version: 21 },
  { domain: "com.microsoft", version: 1 }
];
function lower(outputs, options) {
  const lowering = new Lowering(options);
  const names = Object.entries(outputs).map(([name, tensor]) => [name, lowering.valueOf(tensor)]);
  for (const name of Object.keys(outputs))
    if (lowering.placeholders.has(name))
      throw new ConfigError(`lower: ${name} names both an input and an output; rename the output`, { name });
  nameOutputs(lowering.emitter, names);
  const { quantized = {}, stored = {} } = options;
  const rowsOf = (name) => Number(lowering.placeholders.get(name).shape[0]);
  const stacks = options.stack ? stackProducts(lowering.emitter, quantized, rowsOf, new Set(Object.keys(outputs))) : {};
  const fixed = new Set(options.initializers);
  const fed = [...lowering.placeholders].filter(([name]) => !fixed.has(name));
  const graph = onnx.GraphProto.create({
    name: "atelier",
    node: lowering.emitter.nodes,
    initializer: [
      ...lowering.emitter.constants,
      ...[...lowering.placeholders].filter(([name]) => fixed.has(name)).filter(([name]) => !Object.values(stacks).some((names2) => names2.includes(name))).flatMap(([name, type]) => initializersOf(name, type, quantized[name], stored[name])),
      ...Object.entries(stacks).flatMap(([name, [first2 = "", ...others]]) => {
        const { dtype, shape } = lowering.placeholders.get(first2);
        const rows = others.reduce((sum2, other2) => sum2 + rowsOf(other2), rowsOf(first2));
        return initializersOf(name, { dtype, shape: [rows, shape[1]] }, quantized[first2]);
      })
    ],
    input: fed.map(([name, type]) => valueInfo(name, type)),
    output: Object.entries(outputs).map(([name, tensor]) => valueInfo(name, tensor))
  });
  const model2 = onnx.ModelProto.create({ irVersion: 10, producerName: "atelier", opsetImport: opsets, graph });
  return {
    bytes: onnx.ModelProto.encode(model2).finish(),
    inputs: Object.fromEntries(fed),
    outputs,
    stacks,
    inPlace: unsafeInPlace(lowering.emitter.nodes, options.overwrite ?? {}).length === 0
  };
}
var Lowering = class {
  emitter;
  placeholders = /* @__PURE__ */ new Map();
  #values = /* @__PURE__ */ new Map();
  constructor({ provider, quantized }) {
    this.emitter = new GraphEmitter(provider, quantized);
  }
  /** The name of the ONNX value that holds `tensor`. */
  valueOf(tensor) {
    if (!this.#values.has(tensor.node)) {
      for (const node of inputsFirst([tensor.node], (other2) => this.#unwritten(other2)))
        if (!this.#values.has(node)) this.#values.set(node, this.#write(node));
    }
    return this.#values.get(tensor.node)[tensor.index];
  }
  #unwritten(node) {
    return node.inputs.map((x) => x.node).filter((other2) => !this.#values.has(other2));
  }
  #write(node) {
    const [output] = node.outputs;
    return inputName(output) === void 0 ? this.#lowerNode(node) : [this.#placeholder(output)];
  }
  #placeholder(tensor) {
    const name = inputName(tensor);
    const other2 = this.placeholders.get(name);
    if (other2 && other2 !== tensor)
      throw new ConfigError(`lower: two inputs are named ${name}; make it once and share it`, { name });
    this.placeholders.set(name, tensor);
    return name;
  }
  #lowerNode(node) {
    const { operation: operation2, inputs, attributes } = node;
    const lowered = operation2.lower?.(
      this.emitter,
      inputs.map((x) => this.valueOf(x)),
      attributes,
      node
    );
    if (lowered) return lowered;
    if (!operation2.decompose)
      throw new ConfigError(`lower: ${operation2.name} has no lowering for ${this.emitter.provider}`, {
        operation: operation2.name
      });
    return operation2.decompose(inputs, attributes).map((part) => this.valueOf(part));
  }
};
function nameOutputs(emitter, outputs) {
  const made2 = new Set(emitter.nodes.flatMap((node) => node.output));
  const renamed = /* @__PURE__ */ new Map();
  for (const [name, value] of outputs) {
    if (made2.has(value) && !renamed.has(value)) renamed.set(value, name);
    else emitter.alias(value, name);
  }
  const rename = (value) => renamed.get(value) ?? value;
  for (const node of emitter.nodes) {
    node.input = node.input.map(rename);
    node.output = node.output.map((value) => node.opType === "Identity" ? value : rename(value));
  }
}
function valueInfo(name, { dtype, shape }) {
  const dim = shape.map((size7) => typeof size7 === "number" ? { dimValue: size7 } : { dimParam: size7 });
  return { name, type: { tensorType: { elemType: onnxType[dtype], shape: { dim } } } };
}
function initializersOf(name, type, format, place) {
  if (!format) return [external(name, type, place)];
  const [rows, columns] = type.shape;
  const blocks = columns / format.blockSize;
  const { packed, scales } = quantizedParts(name);
  return [
    external(packed, { dtype: "uint8", shape: [rows, blocks, format.blockSize * format.bits / 8] }),
    external(scales, { dtype: "float32", shape: [rows, blocks] })
  ];
}
function external(name, { dtype, shape }, place) {
  const { file = name, byteOffset, byteLength } = place ?? {};
  const entries = { location: file, offset: byteOffset, length: byteLength };
  return {
    name,
    dataType: onnxType[dtype],
    dims: shape.map(Number),
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries(entries).flatMap(
      ([key, value]) => value === void 0 ? [] : [{ key, value: String(value) }]
    )
  };
}

// src/sample/cached-state.ts
init_errors();

// src/sample/cache-rows.ts
var CacheRows = class {
  /** By the decoding graph's names: `keys.0`, `values.0`, … */
  buffers;
  #capacity;
  #nKvHeads;
  #dHead;
  constructor(engine, { nLayers, nKvHeads, dHead }, batch, capacity2) {
    const names = Array.from({ length: nLayers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat();
    const shape = [batch, nKvHeads, capacity2, dHead];
    this.buffers = buffersOf(engine, names, shape);
    this.#capacity = capacity2;
    this.#nKvHeads = nKvHeads;
    this.#dHead = dHead;
  }
  /** Views of the rows from `begin` to before `end`, [rows, nKvHeads, capacity, dHead] each; whoever asked releases them. */
  rows(begin, end) {
    const shape = [end - begin, this.#nKvHeads, this.#capacity, this.#dHead];
    const size7 = this.#nKvHeads * this.#capacity * this.#dHead;
    return Object.fromEntries(
      Object.entries(this.buffers).map(([name, buffer]) => [name, buffer.view(shape, begin * size7)])
    );
  }
  /** Row b becomes what row `order[b]` is; of row r, `lengths[r]` positions count. */
  async reorder(order, lengths2) {
    if (order.every((from, to) => from === to)) return;
    for (const buffer of Object.values(this.buffers)) {
      const cache = buffer.host ?? await buffer.read();
      const moved = order.map((from, to) => from === to ? [] : this.#heads(cache, from, lengths2[from]));
      for (const [to, heads] of moved.entries())
        for (const [head, values] of heads.entries()) cache.set(values, this.#begin(to, head));
      if (!buffer.host) await buffer.write(cache);
    }
  }
  release() {
    for (const buffer of Object.values(this.buffers)) buffer.release();
  }
  /** Copies of what each head of a row holds. */
  #heads(cache, row, length) {
    return Array.from({ length: this.#nKvHeads }, (_, head) => {
      const begin = this.#begin(row, head);
      return cache.slice(begin, begin + length * this.#dHead);
    });
  }
  #begin(row, head) {
    return (row * this.#nKvHeads + head) * this.#capacity * this.#dHead;
  }
};
function buffersOf(engine, names, shape) {
  const buffers = {};
  try {
    for (const name of names) buffers[name] = engine.createBuffer({ dtype: "float32", shape });
    return buffers;
  } catch (error) {
    for (const buffer of Object.values(buffers)) buffer.release();
    throw error;
  }
}

// src/sample/decoding-call.ts
var DecodingCall = class {
  binding;
  /** Sums over the logits, as of their own last run. */
  sums;
  /** Logits after the new ids at the places fed, [places, vocabSize]. */
  #logits;
  #fed;
  /** What was made, in order. */
  #made = [];
  /** Throws EngineError where memory does not suffice or the buffers do not fit; then nothing is left behind. */
  constructor({ engine, session, shared: shared3, caches, batch, length, places, vocabSize, summer }) {
    const own = (made2) => {
      this.#made.push(made2);
      return made2;
    };
    const make = (shape, dtype = "int32") => own(engine.createBuffer({ dtype, shape }));
    try {
      const row = [batch, length];
      this.#fed = {
        ids: make(row),
        positions: make(row),
        lastPosition: make([batch]),
        total: make([]),
        places: make([places])
      };
      this.#logits = make([places, vocabSize], "float32");
      const outputs = { logits: this.#logits, ...extended2(caches) };
      this.binding = own(bind(session, { ...shared3, ...this.#fed, ...caches }, outputs));
      this.sums = summer && own(summer.bind(this.#logits));
    } catch (error) {
      this.release();
      throw error;
    }
  }
  /** Ids and their positions, row by row, each row's last position, and after which of all these ids logits are wanted. */
  async feed(ids2, positions2, last3, places) {
    await write(this.#fed.ids, ids2);
    await write(this.#fed.positions, positions2);
    await write(this.#fed.lastPosition, last3);
    await write(this.#fed.total, [Math.max(...last3) + 1]);
    await write(this.#fed.places, places);
  }
  /** The logits of the last run; where the engine's memory can be seen, the memory itself. */
  async read() {
    return this.#logits.host ?? await this.#logits.read();
  }
  release() {
    for (const made2 of this.#made.toReversed()) made2.release();
  }
};
function bind(session, inputs, outputs) {
  const known2 = new Set(session.inputNames);
  return session.bind(Object.fromEntries(Object.entries(inputs).filter(([name]) => known2.has(name))), outputs);
}
function extended2(caches) {
  return Object.fromEntries(Object.entries(caches).map(([name, cache]) => [`next.${name}`, cache]));
}
async function write(buffer, values) {
  if (buffer.host) buffer.host.set(values);
  else await buffer.write(Int32Array.from(values));
}

// src/sample/paced-runs.ts
var shortMs = 5;
var turnMs = 10;
var fading = 1.05;
var PacedRuns = class {
  #canBlock;
  #usualMs = Number.POSITIVE_INFINITY;
  #turn = performance.now();
  constructor(engine) {
    this.#canBlock = engine.name === "cpu";
  }
  async run(binding) {
    const start = performance.now();
    if (this.#canBlock && this.#usualMs <= shortMs) await this.#runHere(binding, start);
    else await binding.run();
    this.#usualMs = Math.min(performance.now() - start, this.#usualMs * fading);
  }
  async #runHere(binding, now) {
    if (now - this.#turn > turnMs) {
      await new Promise(setImmediate);
      this.#turn = performance.now();
    }
    binding.runSync();
  }
};

// src/sample/cached-state.ts
var keptLength = 32;
var CachedState = class {
  batch;
  lengths;
  #options;
  #caches;
  #logits;
  #runs;
  /** The last step's call, for as many rows as it had. */
  #step;
  /** Whether the last call of `append` has summed over the step's logits. */
  #summed = false;
  #scores = /* @__PURE__ */ new Map();
  constructor(options) {
    const { engine, dimensions, batch, capacity: capacity2 } = options;
    this.batch = batch;
    this.lengths = new Array(batch).fill(0);
    this.#options = options;
    this.#logits = new Float32Array(batch * dimensions.vocabSize);
    this.#caches = new CacheRows(engine, dimensions, batch, capacity2);
    this.#runs = { step: new PacedRuns(engine), score: new PacedRuns(engine) };
  }
  async append(ids2, temperatures) {
    this.#check(ids2);
    this.#summed = false;
    if (ids2.every((row) => row.length <= 1)) return this.#appendOne(ids2, temperatures);
    for (const rows of this.#together(ids2)) {
      if (rows.length > 1) await this.#begin(rows[0], ids2.slice(rows[0], rows.at(-1) + 1));
      else await this.#appendRow(rows[0], ids2[rows[0]]);
    }
    return this.#logits;
  }
  sums(row) {
    return this.#summed ? this.#step?.call.sums?.of(row) : void 0;
  }
  async score(row, ids2) {
    this.#check(Array.from({ length: this.batch }, (_, other2) => other2 === row ? ids2 : []));
    const { vocabSize } = this.#options.dimensions;
    const logits = new Float32Array(ids2.length * vocabSize);
    for (let begin = 0; begin < ids2.length; begin += promptChunk) {
      const chunk2 = ids2.slice(begin, begin + promptChunk);
      await this.#extend(row, chunk2, [...chunk2.keys()], (found) => logits.set(found, begin * vocabSize));
    }
    return logits;
  }
  async reorder(order) {
    await this.#caches.reorder(order, this.lengths);
    const lengths2 = order.map((row) => this.lengths[row]);
    this.lengths.splice(0, this.batch, ...lengths2);
  }
  truncate(row, length) {
    if (!(length >= 0 && length <= this.lengths[row]))
      throw new ConfigError(`truncate: sequence ${row} holds ${this.lengths[row]} positions, got ${length}`);
    this.lengths[row] = length;
  }
  release() {
    this.#step?.release();
    this.#step = void 0;
    for (const { release } of this.#scores.values()) release();
    this.#scores.clear();
    this.#caches.release();
  }
  #check(ids2) {
    const { capacity: capacity2, dimensions } = this.#options;
    if (ids2.length !== this.batch) throw new ConfigError(`append: got ${ids2.length} rows, wanted ${this.batch}`);
    for (const [row, added] of ids2.entries()) {
      const length = this.lengths[row] + added.length;
      if (length > capacity2)
        throw new ConfigError(
          `append: sequence ${row} would hold ${length} positions, its room is ${capacity2}; shorten the prompt`,
          { row, length, capacity: capacity2 }
        );
      const bad = added.find((id5) => !(Number.isInteger(id5) && id5 >= 0 && id5 < dimensions.vocabSize));
      if (bad !== void 0)
        throw new ConfigError(
          `append: id ${bad} is not in the vocabulary of ${dimensions.vocabSize}; is it the model's tokenizer?`
        );
    }
  }
  /**
   * One id a row, all rows in one run, up to the last that has one; those before it without one are computed in a place
   * that nobody reads.
   */
  async #appendOne(ids2, temperatures) {
    const rows = ids2.findLastIndex((row) => row.length > 0) + 1;
    if (rows === 0) return this.#logits;
    const taken = ids2.slice(0, rows);
    const places = taken.map((_, row) => Math.min(this.lengths[row], this.#options.capacity - 1));
    const call = this.#stepOf(rows);
    await call.feed(
      taken.map((row) => row[0] ?? 0),
      places,
      places,
      [...taken.keys()]
    );
    await this.#runs.step.run(call.binding);
    for (const [row, added] of taken.entries()) this.lengths[row] += added.length;
    if (temperatures && call.sums) call.sums.run(temperatures);
    this.#summed = temperatures !== void 0;
    return call.read();
  }
  #stepOf(rows) {
    if (this.#step?.rows === rows) return this.#step.call;
    this.#step?.release();
    this.#step = void 0;
    this.#step = { rows, ...this.#call(this.#caches.rows(0, rows), rows, 1, rows) };
    return this.#step.call;
  }
  /** Rows with ids in order, those in one list that are read in one run: neighbours that begin, if they are short. */
  #together(ids2) {
    const groups = [];
    let longest2 = 0;
    for (const [row, { length }] of ids2.entries()) {
      if (length === 0) continue;
      const group = groups.at(-1);
      const beside = group?.at(-1) === row - 1 && this.lengths[row - 1] === 0 && this.lengths[row] === 0;
      longest2 = Math.max(longest2, length);
      if (beside && longest2 * (group.length + 1) <= promptChunk) group.push(row);
      else {
        groups.push([row]);
        longest2 = length;
      }
    }
    return groups;
  }
  /** The beginnings of neighbours in one run, a chunk at most; behind a short one is nothing that its length counts. */
  async #begin(first2, ids2) {
    const { vocabSize } = this.#options.dimensions;
    const length = Math.max(...ids2.map((row) => row.length));
    const { call, release } = this.#call(this.#caches.rows(first2, first2 + ids2.length), ids2.length, length, ids2.length);
    try {
      const padded2 = ids2.flatMap((row) => [...row, ...new Array(length - row.length).fill(0)]);
      const positions2 = padded2.map((_, i) => i % length);
      const last3 = ids2.map((row) => row.length - 1);
      await call.feed(
        padded2,
        positions2,
        last3,
        last3.map((at, row) => row * length + at)
      );
      await call.binding.run();
      this.#logits.set(await call.read(), first2 * vocabSize);
      for (const [row, added] of ids2.entries()) this.lengths[first2 + row] = added.length;
    } finally {
      release();
    }
  }
  /** Many ids of one row, chunk by chunk: what bounds the memory of their activations. */
  async #appendRow(row, ids2) {
    const { vocabSize } = this.#options.dimensions;
    for (let begin = 0; begin < ids2.length; begin += promptChunk) {
      const chunk2 = ids2.slice(begin, begin + promptChunk);
      await this.#extend(row, chunk2, [chunk2.length - 1], (found) => this.#logits.set(found, row * vocabSize));
    }
  }
  /** Appends ids, a chunk at most, to a row and hands over the logits after those at `places`. */
  async #extend(row, ids2, places, take2) {
    const key = `${row} ${ids2.length} ${places.length}`;
    const made2 = this.#scores.get(key) ?? this.#call(this.#caches.rows(row, row + 1), 1, ids2.length, places.length);
    const isKept = ids2.length <= keptLength && places.length === ids2.length;
    if (isKept) this.#scores.set(key, made2);
    try {
      const first2 = this.lengths[row];
      const positions2 = ids2.map((_, i) => first2 + i);
      await made2.call.feed(ids2, positions2, positions2.slice(-1), places);
      await (isKept ? this.#runs.score.run(made2.call.binding) : made2.call.binding.run());
      take2(await made2.call.read());
      this.lengths[row] = first2 + ids2.length;
    } finally {
      if (!isKept) made2.release();
    }
  }
  /** A call over views of the cache, which are released with it. */
  #call(caches, batch, length, places) {
    const { engine, session, shared: shared3, dimensions, summer } = this.#options;
    const free2 = () => {
      for (const view2 of Object.values(caches)) view2.release();
    };
    try {
      const { vocabSize } = dimensions;
      const call = new DecodingCall({
        engine,
        session,
        shared: shared3,
        caches,
        batch,
        length,
        places,
        vocabSize,
        summer: length === 1 ? summer : void 0
      });
      const release = () => {
        call.release();
        free2();
      };
      return { call, release };
    } catch (error) {
      free2();
      throw error;
    }
  }
};

// src/sample/logit-sums.ts
var leastLogits = 1024;
var LogitSummer = class _LogitSummer {
  #engine;
  #session;
  constructor(engine, session) {
    this.#engine = engine;
    this.#session = session;
  }
  /** For an engine that can run on the calling thread. */
  static async create(engine) {
    return new _LogitSummer(engine, await engine.createSession(lower(sums(), { provider: engine.provider }).bytes));
  }
  /** For logits [rows, vocabSize], which stay their owner's. */
  bind(logits) {
    return new BoundSums(this.#engine, this.#session, logits);
  }
  /** What {@link LogitSummer.bind} gave must have been released. */
  release() {
    return this.#session.release();
  }
};
function sums() {
  const logits = input("logits", "float32", ["rows", "vocabulary"]);
  const scales = input("scales", "float32", ["rows", 1]);
  const along = { axes: [1], keepDims: true };
  const top = max(logits, along);
  const below2 = sub(logits, top);
  return { top, whole: sum(exp(below2), along), tempered: sum(exp(mul(below2, scales)), along) };
}
var BoundSums = class {
  #made;
  #binding;
  /** For logits [rows, vocabSize]. Throws EngineError where memory does not suffice; then nothing is left behind. */
  constructor(engine, session, logits) {
    const made2 = [];
    const make = () => {
      const buffer = engine.createBuffer({ dtype: "float32", shape: [logits.shape[0], 1] });
      made2.push(buffer);
      return buffer;
    };
    try {
      const outputs = { top: make(), whole: make(), tempered: make() };
      this.#made = { scales: make(), ...outputs };
      this.#binding = session.bind({ logits, scales: this.#made.scales }, outputs);
    } catch (error) {
      for (const buffer of made2) buffer.release();
      throw error;
    }
  }
  /** Sums anew, each row at its temperature. */
  run(temperatures) {
    const scales = this.#made.scales.host;
    for (const row of scales.keys()) scales[row] = 1 / (temperatures[row] || 1);
    this.#binding.runSync();
  }
  /** The sums of a row; undefined where a logit is NaN or +∞, or all are −∞. */
  of(row) {
    const { top, whole, tempered } = this.#made;
    const [greatest4, sum2, total2] = [top, whole, tempered].map((buffer) => buffer.host[row]);
    if (!Number.isFinite(sum2) || !Number.isFinite(total2)) return void 0;
    return { top: greatest4, normalizer: greatest4 + Math.log(sum2), total: total2 };
  }
  release() {
    this.#binding.release();
    for (const buffer of Object.values(this.#made)) buffer.release();
  }
};

// src/sample/parameters-in.ts
function parametersIn(outputs, scope) {
  const nodes = inputsFirst(Object.values(outputs).map(({ node }) => node));
  const read2 = new Set([...nodes].map(({ outputs: [first2] }) => inputName(first2)));
  return [...scope.parameters.keys()].filter((name) => read2.has(name));
}

// src/sample/weight-source.ts
function supplyOf(names, weights) {
  if ("buffers" in weights) return { lowering: {}, session: () => ({}), inputs: used(weights.buffers, names) };
  const { tensors, quantized = {}, stored } = weights;
  const elsewhere = { ...quantized, ...stored?.places };
  const held = names.filter((name) => !(name in elsewhere));
  return {
    lowering: { initializers: names, quantized: formatsOf(quantized), stored: stored?.places ?? {} },
    session: ({ stacks }) => ({
      initializers: { ...used(tensors, held), ...stackedPartsOf(quantized, stacks) },
      ...stored ? { dataFolder: stored.folder } : {}
    }),
    inputs: {}
  };
}
function used(values, names) {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

// src/sample/cached-model.ts
var CachedModel = class _CachedModel {
  vocabSize;
  contextLength;
  #engine;
  #session;
  #dimensions;
  #shared;
  #summer;
  constructor(engine, session, dimensions, shared3, summer) {
    this.vocabSize = dimensions.vocabSize;
    this.contextLength = dimensions.contextLength;
    this.#engine = engine;
    this.#session = session;
    this.#dimensions = dimensions;
    this.#shared = shared3;
    this.#summer = summer;
  }
  /** Compiles the decoding graph. Throws ConfigError for heads that {@link checkDecodable} refuses, EngineError where the engine refuses the graph or cannot extend caches in place. */
  static async create(engine, architecture, weights) {
    checkDecodable(architecture.dimensions);
    const outputs = decodingGraph(architecture);
    const supply = supplyOf(parametersIn(outputs, architecture.scope), weights);
    const overwrite = cachesToExtend(outputs);
    const program = lower(outputs, { provider: engine.provider, ...supply.lowering, stack: true, overwrite });
    if (!engine.inPlace || !program.inPlace)
      throw new EngineError(`decode: the engine ${engine.name} cannot extend caches in place; use cpu or wasm`);
    const session = await engine.createSession(program.bytes, supply.session(program));
    try {
      const summer = await summerFor(engine, architecture);
      return new _CachedModel(engine, session, architecture.dimensions, supply.inputs, summer);
    } catch (error) {
      await session.release();
      throw error;
    }
  }
  /** The same graph with further inputs that all its states share, such as a source text; they stay their owner's. */
  given(inputs) {
    return new _CachedModel(this.#engine, this.#session, this.#dimensions, { ...this.#shared, ...inputs }, this.#summer);
  }
  async open({ batch, capacity: capacity2 = this.contextLength }) {
    if (!Number.isInteger(capacity2) || capacity2 < 1 || capacity2 > this.contextLength)
      throw new ConfigError(
        `open: capacity is ${capacity2}, wanted 1 to the model's context of ${this.contextLength}; shorten the text`,
        { capacity: capacity2 }
      );
    const [engine, session, dimensions, shared3] = [this.#engine, this.#session, this.#dimensions, this.#shared];
    return new CachedState({ engine, session, dimensions, shared: shared3, batch, capacity: capacity2, summer: this.#summer });
  }
  /** Frees the compiled graph; states must have been released. */
  async release() {
    await this.#summer?.release();
    await this.#session.release();
  }
};
async function summerFor(engine, { dimensions }) {
  return engine.name === "cpu" && dimensions.vocabSize >= leastLogits ? LogitSummer.create(engine) : void 0;
}
function checkDecodable({ dHead, dModel, nHeads }) {
  if (dHead % kernelMultiple === 0) return;
  throw new ConfigError(
    `decode: dModel ${dModel} \xF7 nHeads ${nHeads} makes heads of ${dHead}, wanted a multiple of ${kernelMultiple}; choose another nHeads or dModel`,
    { dHead }
  );
}
function decodingGraph(architecture) {
  const { nLayers, nKvHeads, dHead } = architecture.dimensions;
  const cacheShape = ["batch", nKvHeads, "capacity", dHead];
  const { logits, caches } = architecture.decode({
    ids: input("ids", "int32", ["batch", "sequence"]),
    positions: input("positions", "int32", ["batch", "sequence"]),
    lastPosition: input("lastPosition", "int32", ["batch"]),
    total: input("total", "int32", []),
    places: input("places", "int32", ["places"]),
    caches: Array.from({ length: nLayers }, (_, i) => ({
      keys: input(`keys.${i}`, "float32", cacheShape),
      values: input(`values.${i}`, "float32", cacheShape)
    }))
  });
  return {
    logits,
    ...Object.fromEntries(caches.map(({ keys }, i) => [`next.keys.${i}`, keys])),
    ...Object.fromEntries(caches.map(({ values }, i) => [`next.values.${i}`, values]))
  };
}
function cachesToExtend(outputs) {
  const next = Object.keys(outputs).filter((name) => name.startsWith("next."));
  return Object.fromEntries(next.map((name) => [name, name.slice("next.".length)]));
}

// src/sample/fill-gaps.ts
init_errors();

// src/sample/mask-predict.ts
async function maskPredict(model2, ids2, places, { special: special2, choose = likeliestId, rounds }) {
  const filled = ids2.slice();
  const sure = new Float64Array(places.length);
  const rows = new Array(places.length);
  const T = Math.max(1, Math.min(rounds, places.length));
  for (let t = 0; t < T; t++) {
    const hidden = leastSure(sure, Math.floor(places.length * (T - t) / T));
    for (const i of hidden) filled[places[i]] = ids2[places[i]];
    const at = hidden.map((i) => places[i]);
    const logits = await model2.logits([filled], at);
    const seen = filled.slice();
    for (const [n2, i] of hidden.entries()) {
      const row = logits.slice(n2 * model2.vocabSize, (n2 + 1) * model2.vocabSize);
      const { id: id5, logProbability } = chooseId(row, { special: special2, choose, place: places[i], ids: seen });
      filled[places[i]] = id5;
      sure[i] = logProbability;
      rows[i] = row;
    }
  }
  return { ids: filled, logProbabilities: [...sure], logits: rows };
}
function leastSure(sure, count2) {
  const order = Array.from(sure.keys()).sort((a, b) => sure[a] - sure[b] || b - a);
  return order.slice(0, count2).sort((a, b) => a - b);
}
function chooseId(row, { special: special2, choose, place, ids: ids2 }) {
  const normalizer = logNormalizer(row, { row: 0, step: place });
  const allowed = row.slice();
  for (const id6 of special2) allowed[id6] = Number.NEGATIVE_INFINITY;
  const id5 = choose(allowed, place, ids2);
  return { id: id5, logProbability: row[id5] - normalizer };
}
function likeliestId(logits) {
  let best = 0;
  for (let id5 = 1; id5 < logits.length; id5++) if (logits[id5] > logits[best]) best = id5;
  return best;
}
async function gibbs(model2, ids2, places, { special: special2, choose = likeliestId, sweeps, random }) {
  const filled = ids2.slice();
  const sure = new Array(places.length);
  const rows = new Array(places.length);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const i of random.permutation(places.length)) {
      const place = places[i];
      filled[place] = ids2[place];
      const row = (await model2.logits([filled], [place])).slice();
      const { id: id5, logProbability } = chooseId(row, { special: special2, choose, place, ids: filled });
      filled[place] = id5;
      sure[i] = logProbability;
      rows[i] = row;
    }
  }
  return { ids: filled, logProbabilities: sure, logits: rows };
}

// src/sample/fill-gaps.ts
var ofContinuations = [
  ...[
    "beams",
    "lengthPenalty",
    "earlyStopping",
    "beamGroups",
    "diversity",
    "noRepeatNgram",
    "minTokens",
    "stop"
  ],
  ...["regex", "jsonSchema", "grammar"],
  ...["dryMultiplier", "dryBase", "dryAllowedLength", "drySequenceBreakers"]
];
async function* fillGaps(model2, prompts, settings, options) {
  refuseUnusable("fill gaps in texts", settings, ofContinuations);
  const streams = Random.seed(settings.seed).split("sample");
  for (const [index, prompt2] of prompts.entries()) {
    for (let continuation2 = 0; continuation2 < settings.n; continuation2++) {
      const row = (options.firstRow ?? 0) + index * settings.n + continuation2;
      if (options.signal?.aborted) yield { type: "finish", row, reason: "aborted", text: "" };
      else yield* fillOne(model2, prompt2, row, streams.at(row), settings, options);
    }
  }
}
async function* fillOne(model2, prompt2, row, random, settings, { mask: mask2, special: special2, spell }) {
  const ids2 = Int32Array.from(prompt2);
  const places = prompt2.flatMap((id5, place) => id5 === mask2 ? [place] : []);
  const sampler = new Sampler(settings, { vocabSize: model2.vocabSize, capacity: model2.contextLength });
  const choose = (logits, place, text2) => {
    const history = createHistory(
      [...text2.subarray(0, place)].filter((id5) => id5 !== mask2),
      text2.length
    );
    return sampler.choose(logits, { row, step: place, history }, random);
  };
  const filled = settings.gibbsSweeps > 0 ? await gibbs(model2, ids2, places, { special: special2, choose, sweeps: settings.gibbsSweeps, random }) : await maskPredict(model2, ids2, places, { special: special2, choose, rounds: settings.fillRounds });
  yield* tokenEvents(filled, places, row, settings.topLogProbabilities);
  const reason = "complete";
  yield { type: "finish", row, reason, text: spell(filled.ids) };
}
function* tokenEvents({ ids: ids2, logProbabilities, logits }, places, row, alternatives) {
  const room = alternatives > 0 ? createCandidates(logits[0]?.length ?? 1) : void 0;
  for (const [i, place] of places.entries()) {
    const of = logits[i];
    const top = room && { top: likeliest(of, logNormalizer(of, { row, step: place }), alternatives, room) };
    yield { type: "token", row, id: ids2[place], logProbability: logProbabilities[i], ...top };
  }
}
function refuseUnusable(does, settings, names) {
  const wrong = names.find((name) => JSON.stringify(settings[name]) !== JSON.stringify(defaultSamplerSettings[name]));
  if (wrong === void 0) return;
  throw new ConfigError(`sampler settings: ${wrong} means nothing to models that ${does}; leave it out`, {
    name: wrong
  });
}

// src/sample/masked-model.ts
init_errors();
var lengthStep = 16;
var MaskedModel = class {
  vocabSize;
  contextLength;
  #engine;
  #architecture;
  #weights;
  /** Buffers of {@link MaskedModel.#weights} that are this model's own to free. */
  #owned;
  #compiled = /* @__PURE__ */ new Map();
  constructor(engine, architecture, weights) {
    this.vocabSize = architecture.dimensions.vocabSize;
    this.contextLength = architecture.dimensions.contextLength;
    this.#engine = engine;
    this.#architecture = architecture;
    const shared3 = "buffers" in weights;
    this.#weights = shared3 ? weights.buffers : Object.fromEntries(Object.entries(weights.tensors).map(([name, tensor]) => [name, engine.createBuffer(tensor)]));
    this.#owned = shared3 ? [] : Object.values(this.#weights);
  }
  /**
   * Logits at places of texts of one length, each text all of what the model sees: [places, vocabSize] row-major, a
   * place being text · length + position. Throws {@link ConfigError} for ids outside of the vocabulary and for texts
   * longer than the context.
   */
  async logits(texts, places) {
    const length = texts[0].length;
    this.#check(texts, length);
    const T = Math.min(this.contextLength, Math.ceil(length / lengthStep) * lengthStep);
    const B = texts.length;
    const { session, names } = await this.#session(B, T);
    const ids2 = new Int32Array(B * T).fill(this.#pad);
    const mask2 = new Int32Array(B * T);
    for (const [row, text2] of texts.entries()) {
      ids2.set(text2, row * T);
      mask2.fill(1, row * T, row * T + length);
    }
    const at = Int32Array.from(places, (place) => Math.floor(place / length) * T + place % length);
    return this.#run(session, names, [
      ["ids", [B, T], ids2],
      ["mask", [B, T], mask2],
      ["places", [at.length], at]
    ]);
  }
  /** Frees graphs and weights. */
  async release() {
    for (const { session } of this.#compiled.values()) await session.release();
    for (const buffer of this.#owned) buffer.release();
  }
  get #pad() {
    return Number(this.#architecture.config.pad_token_id ?? 0);
  }
  async #run(session, names, fed) {
    const made2 = fed.map(
      ([name, shape, data2]) => [name, this.#engine.createBuffer({ dtype: "int32", shape, data: data2 })]
    );
    const logits = this.#engine.createBuffer({ dtype: "float32", shape: [fed[2][1][0], this.vocabSize] });
    try {
      const weights = names.map((name) => [name, this.#weights[name]]);
      const binding = session.bind(Object.fromEntries([...weights, ...made2]), { logits });
      try {
        await binding.run();
      } finally {
        binding.release();
      }
      return await logits.read();
    } finally {
      for (const [, buffer] of made2) buffer.release();
      logits.release();
    }
  }
  async #session(B, T) {
    const key = `${B} \xD7 ${T}`;
    const known2 = this.#compiled.get(key);
    if (known2) return known2;
    const logits = this.#architecture.logits({
      ids: input("ids", "int32", [B, T]),
      mask: input("mask", "int32", [B, T]),
      places: input("places", "int32", ["places"])
    });
    const names = parametersIn({ logits }, this.#architecture.scope);
    const program = lower({ logits }, { provider: this.#engine.provider });
    const compiled = { session: await this.#engine.createSession(program.bytes), names };
    this.#compiled.set(key, compiled);
    return compiled;
  }
  #check(texts, length) {
    if (length > this.contextLength)
      throw new ConfigError(
        `fill: the text has ${length} tokens, the model sees ${this.contextLength}; shorten the prompt`
      );
    for (const text2 of texts) {
      const bad = Array.from(text2).find((id5) => !(id5 >= 0 && id5 < this.vocabSize));
      if (bad !== void 0)
        throw new ConfigError(
          `fill: id ${bad} is not in the vocabulary of ${this.vocabSize}; is it the model's tokenizer?`
        );
    }
  }
};

// src/sample/sequence-model.ts
init_errors();
var SequenceModel = class _SequenceModel {
  #engine;
  #architecture;
  #encoder;
  #decoder;
  /** Weights of the encoder that are inputs of its graph. */
  #shared;
  constructor(engine, architecture, encoder, decoder, shared3) {
    this.#engine = engine;
    this.#architecture = architecture;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#shared = shared3;
  }
  /** Compiles encoder and decoder. Throws what {@link CachedModel.create} throws. */
  static async create(engine, architecture, weights) {
    const decoder = await CachedModel.create(engine, decoderOf(architecture), weights);
    try {
      const outputs = encodingGraph(architecture);
      const supply = supplyOf(parametersIn(outputs, architecture.scope), weights);
      const program = lower(outputs, { provider: engine.provider, ...supply.lowering });
      const encoder = await engine.createSession(program.bytes, supply.session(program));
      return new _SequenceModel(engine, architecture, encoder, decoder, supply.inputs);
    } catch (error) {
      await decoder.release();
      throw error;
    }
  }
  /** Reads a source. Throws {@link ConfigError} for one that is empty or has ids outside of the vocabulary. */
  async read(ids2) {
    this.#check(ids2);
    const S = ids2.length;
    const { nLayers, nHeads, dHead } = this.#architecture.dimensions;
    const made2 = /* @__PURE__ */ new Map();
    const release = () => {
      for (const buffer of made2.values()) buffer.release();
    };
    const int = (name, shape, data2) => made2.set(name, this.#engine.createBuffer({ dtype: "int32", shape, data: Int32Array.from(data2) }));
    try {
      int("source.ids", [1, S], ids2);
      int("source.mask", [1, S], new Array(S).fill(1));
      int("source.positions", [S], [...ids2.keys()]);
      const fed = Object.fromEntries(made2);
      const shape = [1, nHeads, S, dHead];
      for (const name of layerNames(nLayers)) made2.set(name, this.#engine.createBuffer({ dtype: "float32", shape }));
      await this.#run(fed, Object.fromEntries([...made2].filter(([name]) => !(name in fed))));
      return { model: this.#decoder.given(Object.fromEntries(made2)), release };
    } catch (error) {
      release();
      throw error;
    }
  }
  /** Frees both graphs; sources must have been released. */
  async release() {
    await this.#encoder.release();
    await this.#decoder.release();
  }
  async #run(inputs, outputs) {
    const binding = this.#encoder.bind({ ...this.#shared, ...inputs }, outputs);
    try {
      await binding.run();
    } finally {
      binding.release();
    }
  }
  #check(ids2) {
    const { vocabSize } = this.#architecture.dimensions;
    if (ids2.length === 0) throw new ConfigError("read: the source is empty, wanted at least its end token");
    const bad = ids2.find((id5) => !(Number.isInteger(id5) && id5 >= 0 && id5 < vocabSize));
    if (bad !== void 0)
      throw new ConfigError(`read: id ${bad} is not in the vocabulary of ${vocabSize}; is it the model's tokenizer?`);
  }
};
function layerNames(nLayers) {
  return Array.from({ length: nLayers }, (_, i) => [`source.keys.${i}`, `source.values.${i}`]).flat();
}
function encodingGraph(architecture) {
  const states = architecture.encode({
    ids: input("source.ids", "int32", [1, "source"]),
    mask: input("source.mask", "int32", [1, "source"]),
    positions: input("source.positions", "int32", ["source"])
  });
  const layers = architecture.sourceLayers(states);
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, i) => [
      [`source.keys.${i}`, keys],
      [`source.values.${i}`, values]
    ])
  );
}
function decoderOf(architecture) {
  const { scope, dimensions } = architecture;
  const shape = [1, dimensions.nHeads, "source", dimensions.dHead];
  const layers = Array.from({ length: dimensions.nLayers }, (_, i) => ({
    keys: input(`source.keys.${i}`, "float32", shape),
    values: input(`source.values.${i}`, "float32", shape)
  }));
  const mask2 = input("source.mask", "int32", [1, "source"]);
  return { scope, dimensions, decode: (given) => architecture.decode(given, { layers, mask: mask2 }) };
}

// src/text/prompt.ts
init_errors();
function promptIds(tokenizer, prompt2) {
  const begin = tokenizer.bos ?? tokenizer.eos;
  const ids2 = [...tokenizer.encode(prompt2.normalize("NFC"), { bos: tokenizer.addBos })];
  if (ids2.length > 0) return ids2;
  if (begin !== void 0) return [begin];
  throw new DataError("prompt: it is empty, and this model has no token that begins a text; give it a few characters");
}
var gap = "[MASK]";
function gapIds(tokenizer, prompt2, { maxTokens, contextLength }) {
  const mask2 = tokenizer.mask;
  const written = prompt2.normalize("NFC").replaceAll(gap, tokenizer.tokenOf(mask2) ?? gap);
  const ids2 = [...tokenizer.encode(written)];
  const room = contextLength - tokenizer.template.frame(ids2).ids.length;
  if (room < 0 || room === 0 && !ids2.includes(mask2))
    throw new DataError(
      `prompt: it has ${ids2.length} tokens, the model sees ${contextLength} with those around it; shorten it`
    );
  if (!ids2.includes(mask2)) for (let i = 0; i < Math.min(maxTokens, room); i++) ids2.push(mask2);
  return [...tokenizer.template.frame(ids2).ids];
}

// src/text/tasks/sequence.ts
function encodeSource(tokenizer, text2) {
  return [...tokenizer.template.frame(tokenizer.encode(text2.normalize("NFC"))).ids];
}

// src/text/writer.ts
function reader2({
  load: load2,
  open: open3
}) {
  return async (folder2, engine) => {
    const loaded2 = await load2(folder2, { leave: engine.mapsFiles });
    const { weights, stored, ...known2 } = loaded2;
    return {
      loaded: known2,
      async open(tokenizer) {
        const opening = open3(engine, loaded2, tokenizer, folder2);
        try {
          return await opening.finally(() => stored && checkUnchanged(stored));
        } catch (error) {
          await opening.then(
            (writer) => writer.release(),
            () => void 0
          );
          throw error;
        }
      }
    };
  };
}
var causal = reader2({
  load: loadModel,
  async open(engine, { architecture, weights, stored, quantized }, tokenizer) {
    const source = { tensors: weights, quantized, ...stored ? { stored } : {} };
    const model2 = await CachedModel.create(engine, architecture, source);
    return {
      continues: true,
      model: model2,
      usual: () => ({}),
      encode: (prompt2) => promptIds(tokenizer, prompt2),
      write: (prompts, settings, options) => {
        refuseUnusable("continue texts", settings, ["fillRounds", "gibbsSweeps"]);
        return generate(model2, prompts, settings, options);
      },
      logProbability: (prompt2, ids2, ends) => logProbabilityOf(model2, prompt2, ids2, ends),
      release: () => model2.release()
    };
  }
});
var sentinel = /^<extra_id_\d+>$/;
var sequenceToSequence = reader2({
  load: loadSequenceModel,
  async open(engine, { architecture, weights, stored }, tokenizer) {
    const source = { tensors: weights, ...stored ? { stored } : {} };
    const model2 = await SequenceModel.create(engine, architecture, source);
    const start = [Number(architecture.config.decoder_start_token_id ?? 0)];
    const asksForSpans = (prompt2) => prompt2.some((id5) => sentinel.test(tokenizer.tokenOf(id5) ?? ""));
    async function* write2(prompts, settings, options) {
      refuseUnusable("read one text and write another", settings, ["fillRounds", "gibbsSweeps"]);
      for (const [index, prompt2] of prompts.entries()) {
        const read2 = await model2.read(prompt2);
        try {
          const decoder = () => textDecoder(tokenizer, !asksForSpans(prompt2));
          yield* generate(read2.model, [start], settings, { ...options, decoder, firstRow: index * settings.n });
        } finally {
          read2.release();
        }
      }
    }
    return {
      continues: false,
      usual: () => ({}),
      encode: (prompt2) => encodeSource(tokenizer, prompt2),
      write: write2,
      logProbability: async (prompt2, ids2, ends) => {
        const read2 = await model2.read(prompt2);
        try {
          return await logProbabilityOf(read2.model, start, ids2, ends);
        } finally {
          read2.release();
        }
      },
      release: () => model2.release()
    };
  }
});
var usualCandidates = 5;
var masked = reader2({
  load: (folder2) => loadMaskedModel(folder2),
  // its graphs, one a length, share buffers
  async open(engine, { architecture, weights }, tokenizer, folder2) {
    const { mask: mask2 } = tokenizer;
    if (mask2 === void 0)
      throw new CheckpointError(
        `load: the tokenizer of ${folder2} has no token that stands for a gap; is it the model's?`
      );
    const model2 = new MaskedModel(engine, architecture, { tensors: weights });
    const special2 = [...tokenizer.specialIds, ...idsWithoutToken(tokenizer, model2.vocabSize)];
    const spell = (ids2) => tokenizer.decode(ids2, { skipSpecial: true });
    return {
      continues: false,
      usual: (n2) => ({ topLogProbabilities: usualCandidates, ...n2 === 1 ? { temperature: 0 } : {} }),
      encode: (prompt2, { maxTokens }) => gapIds(tokenizer, prompt2, { maxTokens, contextLength: model2.contextLength }),
      write: (prompts, settings, options) => fillGaps(model2, prompts, settings, { ...options, mask: mask2, special: special2, spell }),
      logProbability: async () => void 0,
      release: () => model2.release()
    };
  }
});
var readers = {
  causal,
  masked,
  sequenceToSequence
};
function readModel(family, folder2, engine) {
  return readers[family](folder2, engine);
}
async function logProbabilityOf(model2, prompt2, ids2, ends) {
  const { vocabSize, contextLength } = model2;
  const all2 = [...prompt2, ...ids2];
  const length = all2.length;
  if (prompt2.length === 0 || length > contextLength || all2.some((id5) => id5 >= vocabSize)) return void 0;
  const state = await model2.open({ batch: 1, capacity: length });
  try {
    let logits = await state.append([prompt2]);
    let sum2 = 0;
    for (const id5 of ids2) {
      sum2 += logits[id5] - logNormalizer(logits, { row: 0, step: 0 });
      logits = await state.append([[id5]]);
    }
    if (ends.length === 0) return sum2;
    return sum2 + Math.max(...ends.map((id5) => logits[id5])) - logNormalizer(logits, { row: 0, step: 0 });
  } finally {
    state.release();
  }
}

// src/text/text-model.ts
var galleryFolder2 = fileURLToPath2(new URL("../../gallery/en", import.meta.url));
var TextModel = class _TextModel {
  folder;
  tokenizer;
  family;
  #loaded;
  #engine;
  #writer;
  #digest;
  #talk;
  /** The last form that was asked for, and what it came to: its masks are worth keeping. */
  #form = { key: "", constraint: void 0 };
  constructor(folder2, tokenizer, { family, loaded: loaded2, writer }, engine) {
    this.folder = folder2;
    this.tokenizer = tokenizer;
    this.#loaded = loaded2;
    this.family = family;
    this.#engine = engine;
    this.#writer = writer;
  }
  /**
   * Loads a folder, or `gallery/NAME` of the package; the gallery's model where none is named. Throws CheckpointError for files that are
   * missing, corrupt, or do not belong together, EngineError where the engine cannot run.
   */
  static async load(named = galleryFolder2, options = {}) {
    const folder2 = resolveModelFolder(named);
    if (!existsSync5(join9(folder2, "config.json")) && !isAdapter(folder2))
      throw new CheckpointError(`load: ${folder2} holds no config.json; name a run or a model's folder by --model`, {
        folder: folder2
      });
    const tokenizer = await readTokenizer(await folderHolding(folder2, "tokenizer.json"));
    const family = await familyOfFolder(folder2);
    const engine = await createEngine(options.engine ?? "cpu", options.threads ? { threads: options.threads } : {});
    try {
      const { loaded: loaded2, open: open3 } = await readModel(family, folder2, engine);
      const { vocabSize } = loaded2.architecture.dimensions;
      if (tokenizer.vocabSize > vocabSize)
        throw new CheckpointError(
          `load: the tokenizer of ${folder2} has ${tokenizer.vocabSize} tokens, the model ${vocabSize}; do the files belong together?`
        );
      const writer = await open3(tokenizer);
      return new _TextModel(folder2, tokenizer, { family, loaded: loaded2, writer }, engine);
    } catch (error) {
      await engine.close();
      throw error;
    }
  }
  /** The model, where it continues texts. Throws {@link CheckpointError} where it is of another family. */
  get loaded() {
    return this.loadedAs("causal");
  }
  /** The model as its files gave it, of a family. Throws {@link CheckpointError} where it is of another. */
  loadedAs(family) {
    if (this.family === family) return this.#loaded;
    throw new CheckpointError(
      `${this.folder}: it is ${this.row.name}, wanted one of the models that ${whatFamilyDoes(family)}`,
      { family }
    );
  }
  /** Reads its weights again, as float32 but for those in few bits. Throws {@link CheckpointError} as loading does. */
  async weights() {
    return (await loadAnyModel(this.family, this.folder)).weights;
  }
  /** Of its architecture. */
  get row() {
    return this.#loaded.row;
  }
  /** What its weights say of themselves. */
  get metadata() {
    return this.#loaded.metadata;
  }
  /** Whether what it writes goes on from the prompt; else it stands by itself. */
  get continues() {
    return this.#writer.continues;
  }
  /**
   * Continues each prompt `n` times, or answers it, or fills its gaps, giving text as it becomes certain, and returns the artifacts in
   * order of prompts. Throws ConfigError for settings, DataError for prompts.
   */
  async *generate(prompts, given = {}, options = {}) {
    const settings = resolveSamplerSettings({ ...this.#writer.usual(given.n ?? 1), ...given });
    const encoded = prompts.map((prompt2) => this.#encode(prompt2, settings, options.chat));
    const rows = prompts.length * settings.n;
    const events = Array.from({ length: rows }, () => []);
    for await (const event of this.#writer.write(encoded, settings, this.#options(settings, options))) {
      events[event.row]?.push(event);
      if (event.text) yield { row: event.row, text: event.text };
    }
    const digest = await this.digest();
    const guesser = options.speculation && await recordOf(options.speculation);
    return events.map((own, row) => {
      const prompt2 = Math.floor(row / settings.n);
      return this.#artifact(
        completionOf(row, own),
        { prompts, prompt: prompt2, ids: encoded[prompt2], ...options.chat ? { chat: options.chat } : {} },
        settings,
        digest,
        guesser
      );
    });
  }
  /** {@link TextModel.generate}, to its end. */
  async complete(prompts, settings = {}, options = {}) {
    const pieces = this.generate(prompts, settings, options);
    for (; ; ) {
      const { done, value } = await pieces.next();
      if (done) return value;
    }
  }
  /**
   * ln P(ids | prompt) by the model itself, with that of ending there where `ends` says so; undefined for
   * ids that it cannot take, outside its vocabulary or beyond its context, and for models that fill gaps.
   */
  logProbability(prompt2, ids2, ends) {
    return this.#writer.logProbability(prompt2, ids2, ends ? this.#endOfText() : []);
  }
  /** SHA-256 of the model's files. */
  digest() {
    this.#digest ??= modelDigest(this.folder);
    return this.#digest;
  }
  /** What computes, exactly. */
  describeEngine() {
    return this.#engine.describe();
  }
  /** Frees the model and its engine. */
  async release() {
    await this.#writer.release();
    await this.#engine.close();
  }
  #encode(prompt2, settings, chat) {
    if (!chat) return this.#writer.encode(prompt2, settings);
    if (!this.continues) throw new ConfigError(`chat: ${this.folder} does not continue texts; leave --chat out`);
    const asked = { role: "user", content: prompt2.normalize("NFC") };
    const { system } = chat;
    const first2 = system === void 0 ? [] : [{ role: "system", content: system.normalize("NFC") }];
    return this.#chat().prompt([...first2, asked]);
  }
  #chat() {
    this.#talk ??= new Chat(this.tokenizer);
    return this.#talk;
  }
  #options(settings, { signal, speculation, chat }) {
    const { tokenizer } = this;
    const constraint = this.#constraint(settings);
    return {
      endOfText: [.../* @__PURE__ */ new Set([...this.#endOfText(), ...chat ? this.#chat().ends() : []])],
      decoder: () => textDecoder(tokenizer, true),
      breakerId: (text2) => tokenizer.encode(text2).at(-1),
      ...constraint ? { constraint } : {},
      ...signal ? { signal } : {},
      ...speculation ? { speculation: this.#guesser(speculation) } : {}
    };
  }
  #guesser(speculation) {
    if ("lookup" in speculation) return speculation;
    const { folder: folder2, tokenizer } = speculation.draft;
    const { vocabSize } = this.tokenizer;
    const isSame = (_, id5) => tokenizer.tokenOf(id5) === this.tokenizer.tokenOf(id5);
    if (tokenizer.vocabSize !== vocabSize || !Array.from({ length: vocabSize }).every(isSame))
      throw new ConfigError(
        `generate: the draft ${folder2} has another tokenizer than ${this.folder}; draft with a model of the same tokenizer`
      );
    const { model: model2 } = speculation.draft.#writer;
    if (model2) return { draft: model2 };
    throw new ConfigError(`generate: the draft ${folder2} does not continue texts; draft with a smaller decoder`);
  }
  #constraint({ regex, jsonSchema, grammar }) {
    const key = JSON.stringify([regex, jsonSchema, grammar]);
    if (this.#form.key === key) return this.#form.constraint;
    const form3 = formOf({ regex, jsonSchema, grammar });
    const vocabulary = form3 && vocabularyOfTokenizer(this.tokenizer);
    const constraint = vocabulary && new GrammarConstraint(form3, vocabulary, this.#endOfText());
    this.#form = { key, constraint };
    return constraint;
  }
  /** Ids that end a text. */
  #endOfText() {
    const ends = [this.tokenizer.eos, this.#loaded.architecture.config.eos_token_id].flat();
    return [...new Set(ends.filter((id5) => typeof id5 === "number"))];
  }
  #artifact(made2, { prompts, prompt: prompt2, ids: ids2, chat }, settings, digest, guesser) {
    const { folder: folder2, tokenizer } = this;
    const loaded2 = this.#loaded;
    const { dataDigest } = loaded2.metadata;
    const named = (id5) => ({ token: tokenizer.tokenOf(id5) ?? "" });
    return {
      format: "atelier-artifact-1",
      kind: "text",
      text: made2.text ?? "",
      prompt: prompts[prompt2],
      ...prompts.length > 1 ? { prompts: [...prompts] } : {},
      tokens: made2.ids.length,
      ids: [...made2.ids],
      promptIds: [...ids2],
      ...chat ? { chat } : {},
      seed: settings.seed,
      row: made2.row,
      finishReason: made2.finishReason,
      logProbability: made2.logProbability,
      ...settings.logProbabilities ? { logProbabilities: [...made2.logProbabilities] } : {},
      ...guesser && made2.guesses ? { speculation: { ...guesser, ...made2.guesses } } : {},
      ...made2.top ? { top: made2.top.map((likeliest2) => likeliest2.map((one) => ({ ...one, ...named(one.id) }))) } : {},
      settings,
      model: {
        path: folder2,
        digest,
        architecture: loaded2.row.name,
        ...dataDigest === void 0 ? {} : { dataDigest }
      },
      engine: this.describeEngine(),
      atelier: version,
      marks: []
    };
  }
};
async function recordOf(speculation) {
  if ("lookup" in speculation) return speculation;
  const { draft } = speculation;
  return { draft: { path: draft.folder, digest: await draft.digest() } };
}

// ../../tmp/chk.ts
import { readFileSync as readFileSync3 } from "node:fs";
var [folder, data, prompt, n] = process.argv.slice(2);
var all = readFileSync3(data, "utf8").trim().split("\n").map((l) => JSON.parse(l).text ?? JSON.parse(l).target);
var corpus = all.join("\0");
var model = await TextModel.load(folder, { threads: 1 });
var made = await model.complete([prompt.replaceAll("\\n", "\n")], { n: Number(n), seed: 0, maxTokens: 256 });
var total = 0;
var copied = 0;
for (const { text: text2 } of made) {
  total += text2.length;
  for (let i = 0; i + 50 <= text2.length; ) {
    if (!corpus.includes(text2.slice(i, i + 50))) {
      i++;
      continue;
    }
    let len = 50;
    while (i + len < text2.length && corpus.includes(text2.slice(i, i + len + 1))) len++;
    copied += len;
    console.log(len, JSON.stringify(text2.slice(i, i + len)));
    i += len;
  }
}
console.log(total, copied, copied / total);
await model.release();
