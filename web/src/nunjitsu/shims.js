// What the library expects of a browser and a bare V8 has not. Nothing here is a source of secrets.
if (!globalThis.crypto) globalThis.crypto = {};
if (!globalThis.crypto.getRandomValues) {
  globalThis.crypto.getRandomValues = (array) => {
    for (let i = 0; i < array.length; i += 1) array[i] = Math.floor(Math.random() * 2 ** 32);
    return array;
  };
}
if (!globalThis.TextEncoder) {
  globalThis.TextEncoder = class {
    encode(text) {
      const bytes = unescape(encodeURIComponent(text));
      return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
    }
  };
}
