// What nunjitsu takes of node:util, for a bare V8. Contexts arrive as parsed JSON, so a Proxy cannot be among them.
export const types = {
  isProxy: () => false,
  isMap: (value) => value instanceof Map,
  isSet: (value) => value instanceof Set,
  isNativeError: (value) => value instanceof Error,
};
