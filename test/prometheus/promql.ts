/** What Grafana puts in the place of its variables before it asks Prometheus. */

export interface Chosen {
  readonly namespace: string;
  readonly source: string;
  readonly range: string;
  /** What rates are taken over; as `range` unless said. */
  readonly rate?: string;
}

/** The expression as Prometheus gets it. Throws where a variable is left over. */
export function asked(expr: string, { namespace, source, range, rate = range }: Chosen): string {
  const values: Readonly<Record<string, string>> = { namespace, source, __range: range, __rate_interval: rate, __interval: rate };
  return expr.replaceAll(/\$(\w+)/g, (variable, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing is known of ${variable}`);
    return value;
  });
}

/** The metrics that an expression asks for, without what belongs to a histogram. */
export function metricsIn(expr: string): readonly string[] {
  return [...expr.matchAll(/(?:[a-z_]+:)?plumbline_[a-z_:0-9]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
}
