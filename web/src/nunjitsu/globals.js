// The one global of Node that nunjitsu uses: the UTF-8 length of a text.
globalThis.Buffer ??= {
  byteLength: (text) => {
    let bytes = 0;
    for (const char of String(text)) {
      const code = char.codePointAt(0);
      bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    }
    return bytes;
  },
};
