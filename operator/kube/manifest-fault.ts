/**
 * Pure: server-side apply's 500 without reason, a fault of the manifest. Its text is all there is: structured-merge-diff
 * and the converters have no codes. Several faults come as `errors:` with a line each. What is not recognised is passed on as it is, but for Secrets.
 */

export interface ManifestFault {
  /** Field and what is wrong with it. */
  readonly message: string;
  readonly remedy: string | undefined;
}

/** `failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): …`, and where a converter failed. */
const preamble = /^failed to (?:create typed patch object|convert new object) \([^)]*\)(?: to proper version)?: /;
const conversion = /^unable to convert unstructured object to [^:]+: /;
/** `.spec.containers[name="a"].env: what is wrong` */
const atField = /^(\.(?:[^\s:[]|:(?! )|\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+): ([\s\S]+)$/;

/** Everything that the text tells, one fault for each, never none. With `isSecret`, no value is passed on. */
export function manifestFaults(text: string, isSecret: boolean): readonly ManifestFault[] {
  const told = text.replace(preamble, '').replace(conversion, '');
  const lines = told.startsWith('errors:\n') ? told.split('\n').slice(1) : [told];
  // The API server walks maps in another order each time; the same faults shall read the same.
  const faults = lines.map((line) => oneFault(line.trim(), isSecret)).toSorted((a, b) => (a.message < b.message ? -1 : 1));
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}

function oneFault(line: string, isSecret: boolean): ManifestFault {
  const [, path = '', what = line] = atField.exec(line) ?? [];
  const field = isSecret ? path.replaceAll(/\[="(?:[^"\\]|\\.)*"\]/g, '[]') : path;
  const { message, remedy } = explain(what, isSecret);
  return { message: field === '' ? message : `${field.slice(1)}: ${message}`, remedy };
}

function explain(what: string, isSecret: boolean): ManifestFault {
  if (what === 'field not declared in schema') {
    return { message: 'is no field of this kind', remedy: 'Correct the name or the indentation of the field, or take it out.' };
  }
  if (what.startsWith('duplicate entries for key ')) {
    return { message: isSecret ? 'duplicate entries' : what, remedy: 'State each entry once.' };
  }
  if (what.includes('illegal base64 data')) {
    return { message: 'a value under data is not base64', remedy: 'Encode it with base64, or state it under stringData (of a Secret).' };
  }
  if (what.includes('quantities must match the regular expression')) {
    return { message: 'a quantity is not one that Kubernetes knows', remedy: 'Write quantities like 500m, 2 or 1Gi.' };
  }
  if (what === 'etcdserver: request is too large') {
    return { message: 'is too large for the API server to store', remedy: 'Keep an object under 1.5 MiB.' };
  }
  return explainType(what, isSecret) ?? { message: isSecret ? 'the API server cannot read it' : what, remedy: undefined };
}

/** `expected string, got &value.valueUnstructured{Value:5}` */
function explainType(what: string, isSecret: boolean): ManifestFault | undefined {
  const [, expected, got = ''] = /^expected ([^,]+), got ([\s\S]+)$/.exec(what) ?? [];
  if (expected === undefined) return undefined;
  const value = /^&(?:value\.valueUnstructured\{Value:|\{)([\s\S]*)\}$/.exec(got)?.[1];
  const kind = value === undefined ? wordOf(got) : kindOf(value);
  const isScalar = kind === 'a number' || kind === 'a boolean';
  const shown = isScalar && !isSecret ? `${kind}: ${value}` : kind;
  const remedy = expected === 'string' && isScalar ? 'Put the value in quotes.' : undefined;
  return { message: `expected ${expected}, got ${shown}`, remedy };
}

function kindOf(value: string): string {
  if (value === 'true' || value === 'false') return 'a boolean';
  if (/^[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?$/.test(value)) return 'a number';
  if (value.startsWith('map[')) return 'a map';
  return value.startsWith('[') ? 'a list' : 'another type';
}

/** What it says it got is the name of a type; anything else might be a value. */
function wordOf(got: string): string {
  return /^[a-z]+$/.test(got) ? got : 'another type';
}
