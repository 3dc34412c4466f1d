/** The slope of the straight line through points (x, y) that fits best: least squares. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const x0 = mean(points.map(([x]) => x))
  const y0 = mean(points.map(([, y]) => y))
  const covariance = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0)
  const variance = points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance
}
