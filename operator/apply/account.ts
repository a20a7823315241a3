/** Who a source acts as, whether that account exists, and what it is not allowed (rule 5). */
import { createHash } from 'node:crypto';
import type { GitOpsSource } from '../api/types.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import type { ObjectId, Resource } from '../kube/types.ts';
import type { LookUps } from '../live/lookup.ts';
import type { Member } from '../live/types.ts';
import { isForced } from '../plan/plan.ts';
import type { Write } from '../plan/types.ts';
import type { ApplyContext } from './types.ts';

/** The account in the namespace of the source. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** ServiceAccount as the API server serves it. */
export const accountResource: Resource = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
  verbs: ['get', 'list', 'watch'],
};

/** spec.serviceAccountName, else the operator's default account; undefined acts as the operator itself (a local run). */
export function accountOf(source: GitOpsSource, defaultServiceAccount: string): Account | undefined {
  const name = source.spec.serviceAccountName ?? defaultServiceAccount;
  return name === '' ? undefined : { namespace: source.metadata.namespace, name };
}

/** The user name that is impersonated. */
export function userOf(account: Account): string {
  return `system:serviceaccount:${account.namespace}:${account.name}`;
}

/** The API server lets an account act that does not exist, so it is looked up. Throws ServiceAccountNotFound. */
export async function requireAccount(account: Account, lookUps: LookUps, signal: AbortSignal): Promise<void> {
  const id: ObjectId = { ...accountResource, namespace: account.namespace, name: account.name };
  const live = await lookUps.get(accountResource, id, signal);
  if (live !== undefined && !live.deleting) return;
  const message = `ServiceAccount ${account.namespace}/${account.name}, as which this source acts, does not exist`;
  const remedy = `Create it, and bind to it what the revision needs:\n  kubectl create serviceaccount ${account.name} -n ${account.namespace}`;
  throw new PlumblineError({ reason: 'ServiceAccountNotFound', message, remedy, lacks: id });
}

/** One thing that an account needs. */
export interface Need {
  readonly verb: string;
  readonly group: string;
  readonly plural: string;
  /** Empty for cluster-wide objects. */
  readonly namespace: string;
}

/**
 * Pure: every verb, kind and namespace that a revision needs. An apply is patch, and create where the object is new; one
 * that may be recreated is deleted and created.
 */
export function needsOf(writes: readonly Write[], removals: readonly Member[], letGo: readonly Member[]): readonly Need[] {
  const needs = new Map<string, Need>();
  const add = (verb: string, { group, plural }: Resource, { namespace }: ObjectId) =>
    needs.set(`${namespace} ${group} ${plural} ${verb}`, { verb, group, plural, namespace });
  for (const { verb, manifest } of writes) {
    const recreates = verb === 'change' && isForced(manifest);
    if (verb === 'create' || recreates) add('create', manifest.resource, manifest.id);
    if (recreates) add('delete', manifest.resource, manifest.id);
    add('patch', manifest.resource, manifest.id);
  }
  for (const member of removals) add('delete', member.resource, member.id);
  for (const member of letGo) add('patch', member.resource, member.id);
  return [...needs.values()];
}

/** Asks, as the account, which of these it may not do. The account may ask that of itself everywhere. */
export async function missingRights(needs: readonly Need[], context: ApplyContext): Promise<readonly Need[]> {
  const answers = await Promise.all(
    needs.map(async (need) => {
      const { body } = await context.client.request<{ readonly status?: { readonly allowed?: boolean } }>({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb: need.verb, group: need.group, resource: need.plural, namespace: need.namespace } },
        },
        as: context.as,
        flow: context.source,
        signal: context.signal,
      });
      return body.status?.allowed === true ? [] : [need];
    }),
  );
  return answers.flat();
}

/** Pure: the missing rights as one fault, whole, with the commands that grant them. */
export function forbiddenFault(account: Account, missing: readonly Need[]): Fault {
  const byScope = new Map<string, Map<string, Set<string>>>();
  for (const need of missing) {
    const resource = need.group === '' ? need.plural : `${need.plural}.${need.group}`;
    const resources = byScope.get(need.namespace) ?? new Map<string, Set<string>>();
    resources.set(resource, (resources.get(resource) ?? new Set()).add(need.verb));
    byScope.set(need.namespace, resources);
  }
  const texts: string[] = [];
  const commands: string[] = [];
  for (const [namespace, resources] of [...byScope].sort(([a], [b]) => a.localeCompare(b))) {
    const where = namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`;
    for (const [resource, verbs] of resources) texts.push(`${[...verbs].join(', ')} ${resource} ${where}`);
    commands.push(...grantCommands(account, namespace, resources));
  }
  return {
    reason: 'Forbidden',
    message: `ServiceAccount ${account.namespace}/${account.name} may not: ${texts.join('; ')}`,
    remedy: ['Grant it:', ...commands].join('\n  '),
  };
}

/**
 * One role and binding per set of verbs, since `kubectl create role` gives every verb to every resource that it names.
 * The role's name is made of what it grants: what is lacking later never meets a role that is there already.
 */
function grantCommands(account: Account, namespace: string, resources: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const byVerbs = new Map<string, string[]>();
  for (const [resource, verbs] of resources) {
    const key = [...verbs].sort().join(',');
    byVerbs.set(key, [...(byVerbs.get(key) ?? []), resource]);
  }
  const cluster = namespace === '';
  return [...byVerbs].flatMap(([verbs, names]) => {
    const digest = createHash('sha256')
      .update(`${verbs} ${names.join(',')}`)
      .digest('hex')
      .slice(0, 8);
    const role = `plumbline-${account.namespace}-${account.name}-${digest}`;
    const scope = cluster ? '' : ` -n ${namespace}`;
    const kind = cluster ? 'clusterrole' : 'role';
    return [
      `kubectl create ${kind} ${role}${scope} --verb=${verbs} --resource=${names.join(',')}`,
      `kubectl create ${kind}binding ${role}${scope} --${kind}=${role} --serviceaccount=${account.namespace}:${account.name}`,
    ];
  });
}

/**
 * The error to throw instead of `error`: where anything was forbidden, every right that the revision lacks, whole, in
 * place of the single refusals; any other error as it is. Without an account there is nobody to grant rights to.
 */
export async function explainForbidden(
  error: unknown,
  account: Account | undefined,
  writes: readonly Write[],
  prune: readonly Member[],
  letGo: readonly Member[],
  context: ApplyContext,
): Promise<unknown> {
  if (!(error instanceof PlumblineError) || account === undefined) return error;
  const others = error.faults.filter((fault) => fault.reason !== 'Forbidden');
  if (others.length === error.faults.length) return error;
  const missing = await missingRights(needsOf(writes, prune, letGo), context);
  if (missing.length === 0) return error;
  return new PlumblineError([forbiddenFault(account, missing), ...others], { cause: error });
}
