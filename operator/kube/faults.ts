/** Pure: what the API server said of a request, as faults for the person who reads `kubectl describe`. */
import type { Fault, Place } from '../errors.ts';
import { PlumblineError, toPlumblineError } from '../errors.ts';
import { KubeError } from './client.ts';
import type { StatusCause } from './client.ts';
import { manifestFaults } from './manifest-fault.ts';
import { failedWebhook, isManifestFault } from './retry.ts';

/** What the request was about. */
export interface Subject {
  /** `Deployment shop/web` */
  readonly object: string;
  /** Where it is, so that a namespace that is lacking can be waited for; empty for cluster-wide objects. */
  readonly namespace?: string | undefined;
  readonly place?: Place | undefined;
  /** The API server's messages quote values: for Secrets only the field and the kind of fault are passed on. */
  readonly isSecret: boolean;
  /** `apply`, `delete`, `patch`, `list`: what was to be done. */
  readonly verb: string;
  /** The user that was impersonated; undefined is the operator itself. */
  readonly as?: string | undefined;
}

const longest = 1000;

/** One fault for each thing that is wrong, never none. What is no KubeError is told as it is. */
export function describeApiError(error: unknown, subject: Subject): readonly Fault[] {
  if (error instanceof PlumblineError) return error.faults;
  if (!(error instanceof KubeError)) {
    const message = error instanceof Error ? error.message : String(error);
    return [fault('InternalError', subject, subject.isSecret ? 'cannot be handled' : message)];
  }
  const denial = denialOf(error, subject);
  if (denial !== undefined) return [denial];
  switch (error.code) {
    case 400:
    case 413:
      return [fault('ObjectRefused', subject, secretless(error, subject, 'the API server refuses the request as it is'))];
    case 401:
      return [fault('OperatorForbidden', subject, `the API server does not accept the operator's credentials`)];
    case 403:
      return [forbidden(error, subject)];
    case 404:
      return [notFound(error, subject)];
    case 409:
      return [fault('Conflict', subject, 'was changed or replaced meanwhile')];
    case 422:
      return invalid(error, subject);
  }
  const webhook = failedWebhook(error);
  if (webhook !== undefined) return [webhookFault(webhook, subject, secretless(error, subject, 'it does not answer'))];
  if (isManifestFault(error)) {
    return manifestFaults(error.message, subject.isSecret).map(({ message, remedy }) => fault('ObjectRefused', subject, message, remedy));
  }
  return [fault('ApiServerUnavailable', subject, unavailableText(error, subject))];
}

/** Whatever a request of the operator's own threw (a look-up, a patch of a source, discovery), as the error to tell. */
export function ownRequestError(error: unknown): PlumblineError {
  if (!(error instanceof KubeError)) return toPlumblineError(error);
  const { code, retryAfterMs } = error;
  const tell = (reason: 'Conflict' | 'OperatorForbidden' | 'ApiServerUnavailable', message: string) =>
    new PlumblineError({ reason, message: clean(message) }, { cause: error, retryAfterMs });
  if (code === 404 || code === 409) return tell('Conflict', 'what is live changed meanwhile');
  if (code === 401) return tell('OperatorForbidden', "the API server does not accept the operator's credentials");
  if (code === 403) return tell('OperatorForbidden', `the operator itself lacks a right: ${error.message}`);
  return tell('ApiServerUnavailable', unavailableText(error, { isSecret: false }));
}

/** A webhook denies with any code that it likes; only the sentence that the API server puts before its own names it. */
const denied = /^admission webhook "([^"]+)" denied the request/;
/** The API server's own refusal to ask a webhook with side effects in a dry run; a webhook may say the like itself. */
const noDryRun = /^admission webhook "([^"]+)" (?:does not support dry run|denied the request.*\bdry.?run\b)/is;

function denialOf(error: KubeError, subject: Subject): Fault | undefined {
  const dry = noDryRun.exec(error.message)?.[1];
  if (dry !== undefined) {
    return fault('WebhookRefusesDryRun', subject, `admission webhook ${dry} does not take part in a dry run, so it cannot be tried out`);
  }
  const webhook = denied.exec(error.message)?.[1];
  if (webhook === undefined) return undefined;
  return fault(
    'ObjectRefused',
    subject,
    secretless(error, subject, `admission webhook ${webhook} denied it; what it says may quote the Secret and is not told`),
  );
}

/** A 422: every cause a fault of its own. */
function invalid(error: KubeError, subject: Subject): readonly Fault[] {
  const causes = error.status.details?.causes ?? [];
  // Invalid, with the one field that nobody may change: another object has this name.
  if (causes.some((cause) => cause.field === 'metadata.uid')) return [fault('Conflict', subject, 'was replaced by another one meanwhile')];
  const told = causes.filter((cause) => !isAside(cause)).toSorted(byField);
  if (told.length === 0) return [fault('ObjectRefused', subject, secretless(error, subject, 'the API server refuses it'))];
  return told.map((cause) => fault(isImmutable(cause) ? 'ImmutableField' : 'ObjectRefused', subject, causeText(cause, subject)));
}

/**
 * The API has no reason code for an immutable field: FieldValueInvalid and FieldValueForbidden stand for other faults
 * as well. What is said after the value is all there is: apimachinery's ValidateImmutableField, the checks of single
 * kinds, and what CRDs usually say. A sentence that this misses is told as ObjectRefused, with the server's words, and
 * never recreated; one that it hits wrongly is recreated only where the manifest asks for it and a dry run passes.
 */
const immutable =
  /\bimmutable\b|may not (?:change|be changed)|can ?not be (?:changed|updated|modified)|updates to \S+ spec for fields other than/i;

function isImmutable({ reason, message = '' }: StatusCause): boolean {
  return (reason === 'FieldValueInvalid' || reason === 'FieldValueForbidden') && immutable.test(withoutValue(message));
}

/** The API server walks maps in another order each time; the same faults shall read the same. */
function byField(a: StatusCause, b: StatusCause): number {
  const text = ({ field = '', message = '' }: StatusCause): string => `${field} ${message}`;
  return text(a).localeCompare(text(b), 'en', { numeric: true });
}

/** Says only that other checks were left out because of the faults beside it. */
function isAside({ field }: StatusCause): boolean {
  return field === '<nil>';
}

function causeText(cause: StatusCause, { isSecret }: Subject): string {
  const { field = '', message = '', reason = '' } = cause;
  const where = field === '' || field === '[]' ? '' : `${field}: `;
  if (isSecret) return `${where}${isImmutable(cause) ? 'field is immutable' : (kindsOfFault[reason] ?? 'is refused')}`;
  return `${where}${withoutDump(message)}`;
}

/** apimachinery's CauseType, in words that hold no value. */
const kindsOfFault: Readonly<Record<string, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid type',
  FieldValueNotFound: 'Not found',
  FieldValueInternal: 'Internal error',
};

/** Without the value that it quotes: `Invalid value: {…}: field is immutable` is `field is immutable`. */
function withoutValue(message: string): string {
  return message.replace(/^Invalid value: (?:"(?:[^"\\]|\\.)*"|[[{].*[\]}]|[^\s:]+): /s, '');
}

/** A short value is worth reading; a whole pod template, or the diff that the server adds, is not. */
function withoutDump(message: string): string {
  const [said = ''] = message.split('\n@@');
  const short = withoutValue(said);
  return said.length - short.length > 200 ? `Invalid value: ${short}` : said;
}

function forbidden(error: KubeError, subject: Subject): Fault {
  const causes = error.status.details?.causes ?? [];
  if (causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return waitsForNamespace(fault('NamespaceTerminating', subject, 'its namespace is being deleted'), subject.namespace);
  }
  // RBAC names the user that it turned away; quota, PodSecurity and other admission name what is wrong with the object.
  if (!/\bcannot \S+ resource\b|\bcannot impersonate\b/.test(error.message) && !isEscalation(error.message)) {
    return fault('ObjectRefused', subject, secretless(error, subject, 'an admission check refuses it'));
  }
  if (/\bcannot impersonate\b/.test(error.message)) return impersonationFault(subject);
  if (isEscalation(error.message)) {
    const remedy =
      'An account grants no more than it holds itself: grant it these rights too, or the verb escalate on roles or clusterroles.';
    return fault('Forbidden', subject, error.message, remedy);
  }
  return fault(subject.as === undefined ? 'OperatorForbidden' : 'Forbidden', subject, error.message); // names, verbs and kinds: no value
}

/** The same for every object of the account, so it names none. */
function impersonationFault({ as = '' }: Subject): Fault {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):(.+)$/.exec(as) ?? [];
  const account = name === undefined ? `user ${as}` : `ServiceAccount ${namespace}/${name}`;
  const remedy = "Grant the operator the verb impersonate on serviceaccounts there, as the chart's roles do.";
  return { reason: 'OperatorForbidden', message: `the operator may not impersonate ${account}, as which this source acts`, remedy };
}

/** RBAC's own guard: an account can grant no more than it has. */
function isEscalation(message: string): boolean {
  return message.includes('is attempting to grant RBAC permissions not currently held');
}

/** Its appearance wakes the source. */
function waitsForNamespace(told: Fault, name: string | undefined): Fault {
  return name === undefined || name === '' ? told : { ...told, lacks: { group: '', kind: 'Namespace', namespace: '', name } };
}

function notFound(error: KubeError, subject: Subject): Fault {
  const { reason, details } = error.status;
  if (reason === 'NotFound' && details?.kind === 'namespaces') {
    return waitsForNamespace(fault('NamespaceNotFound', subject, `namespace ${details.name ?? ''} does not exist`), details.name);
  }
  if (reason === 'NotFound' && (details?.name ?? '') !== '') return fault('Conflict', subject, 'is no longer there');
  return fault('UnknownKind', subject, 'the API server does not serve this kind');
}

function webhookFault(webhook: string, subject: Subject, why: string): Fault {
  return fault('WebhookUnavailable', subject, `admission webhook ${webhook} does not answer: ${why}`);
}

function unavailableText(error: KubeError, subject: Pick<Subject, 'isSecret'>): string {
  const { reason } = error.status;
  if (error.code !== 0)
    return `the API server answered ${error.code}${subject.isSecret || error.message === '' ? '' : `: ${error.message}`}`;
  if (reason === 'NotSent') return 'the API server cannot be reached';
  if (reason === 'Timeout') return `the API server gave ${error.message}`;
  return reason === 'Untrusted' ? "the API server's certificate is not trusted" : 'the connection to the API server was cut';
}

function secretless(error: KubeError, subject: Subject, instead: string): string {
  return subject.isSecret ? instead : error.message;
}

function fault(reason: Fault['reason'], { object, place }: Subject, message: string, remedy?: string): Fault {
  return { reason, object, place, message: clean(message), ...(remedy === undefined ? {} : { remedy }) };
}

/** One line, bounded, without control characters: a terminal shows it as it is. */
function clean(text: string): string {
  const line = text
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
  return line.length <= longest ? line : `${line.slice(0, longest - 1).trimEnd()}…`;
}
