/** What the story asks about the shop's sources, each as a claim that can be checked. */
import type { Setting } from './setting.ts';
import type { Claim } from './tell.ts';

/** A source of the story; its namespace has its name. */
export type SourceName = 'platform' | 'shop' | 'payments';
export const sourceNames: readonly SourceName[] = ['platform', 'shop', 'payments'];

export interface Questions {
  /** One value of an object, by kubectl's jsonpath without braces. */
  value(namespace: string, object: string, path: string): Promise<string>;
  /** These sources are Ready, and this commit is the one that each has applied. */
  applied(names: readonly SourceName[], commit: string): Claim;
  /** The source is not Ready for this reason, having tried this commit, and still has `running` applied. */
  refused(name: SourceName, is: { readonly says: string; reason: string; tried: string; running: string }): Claim;
  /** What condition Ready says. */
  message(name: SourceName): Promise<string>;
  look(name: SourceName): string;
}

/** `main@4f2a9c1` */
export const short = (commit: string): string => `main@${commit.slice(0, 7)}`;
const listed = (names: readonly string[]): string => names.join(', ').replace(/, (?=[^,]*$)/, ' and ');
const ready = (field: string): string => `{.status.conditions[?(@.type=="Ready")].${field}}`;

/** Questions asked with kubectl, as a person would. */
export function questionsTo(setting: Setting): Questions {
  const value: Questions['value'] = (namespace, object, path) =>
    setting.kubectl('get', object, '-n', namespace, '-o', `jsonpath=${path.includes('{') ? path : `{${path}}`}`);
  const look: Questions['look'] = (name) => `kubectl describe gos ${name} -n ${name}, and the operator's log, ${setting.operatorLog}`;
  return {
    value,
    look,
    applied: (names, commit) => ({
      says: `${names.length === 1 ? 'source' : 'sources'} ${listed(names)} ${names.length === 1 ? 'is' : 'are'} Ready at ${short(commit)}`,
      expected: names.map((name) => `${name} True ${commit}`).join(', '),
      got: async () => {
        const path = `{.metadata.name} ${ready('status')} {.status.revision.applied.commit}`;
        return (await Promise.all(names.map((name) => value(name, `gos/${name}`, path)))).join(', ');
      },
      look: names.map(look).join('; '),
    }),
    refused: (name, { says, reason, tried, running }) => ({
      says,
      expected: `False ${reason}, tried ${tried}, applied ${running}`,
      got: () =>
        value(
          name,
          `gos/${name}`,
          `${ready('status')} ${ready('reason')}, tried {.status.revision.attempted.commit}, applied {.status.revision.applied.commit}`,
        ),
      look: look(name),
    }),
    message: (name) => value(name, `gos/${name}`, ready('message')),
  };
}
