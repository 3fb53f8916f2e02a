// What nunjitsu takes of node:crypto: the filter `random`. Nothing secret comes of it.
export const randomInt = (min, max) => {
  const [low, high] = max === undefined ? [0, min] : [min, max];
  return low + Math.floor(Math.random() * (high - low));
};
