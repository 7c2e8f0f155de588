/** What a worker imports is already compiled. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
