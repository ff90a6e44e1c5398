// The e of y = c * x^e, by least squares in logarithms.
export function exponent(xs: readonly number[], ys: readonly number[]): number {
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(u), mean(v)];
  const products = u.map((x, i) => (x - middleX) * (v[i] - middleY));
  return mean(products) / mean(u.map((x) => (x - middleX) ** 2));
}
