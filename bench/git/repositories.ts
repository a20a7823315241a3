/** What the repositories of the benchmark hold. */
import { createCipheriv, createHash } from 'node:crypto';

/** `apps/FOLDER/FILE.yaml`, a hundred to a folder. */
export function paths(count: number): (index: number) => string {
  const folders = Math.ceil(count / 100);
  return (index) => `apps/${index % folders}/${Math.floor(index / folders)}.yaml`;
}

/** Manifests of about 700 bytes, as alike as real ones. */
export function manifests(count: number): Record<string, string> {
  const path = paths(count);
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [path(index), manifest(index)]));
}

function manifest(index: number): string {
  const digest = createHash('sha256').update(String(index)).digest('hex');
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${index}
  labels:
    app.kubernetes.io/name: app-${index}
    app.kubernetes.io/part-of: fleet-${index % 17}
spec:
  replicas: ${(index % 5) + 1}
  selector:
    matchLabels:
      app.kubernetes.io/name: app-${index}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-${index}
    spec:
      containers:
        - name: app
          image: registry.example.com/team-${index % 31}/app-${index}@sha256:${digest}
          ports:
            - containerPort: ${8000 + (index % 1000)}
          resources:
            requests: {cpu: ${(index % 20) * 10 + 10}m, memory: ${(index % 16) * 32 + 32}Mi}
`;
}

/** Bytes that do not pack, the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  const key = createHash('sha256').update(String(seed)).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

const changesPerCommit = 5;

/** For git fast-import: files that all came with the first commit, and of which each later one changes a few. */
export function past(files: number, commits: number): string {
  const path = paths(files);
  const lines: string[] = [];
  for (let commit = 0; commit < commits; commit += 1) {
    lines.push('commit refs/heads/main', `committer Ada <ada@example.com> ${1_800_000_000 + 60 * commit} +0000`, 'data 4', 'Work');
    for (let change = 0; change < (commit === 0 ? files : changesPerCommit); change += 1) {
      const file = commit === 0 ? change : (commit * 31 + change * 397) % files;
      const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-${file}}\ndata: {v: "${commit}"}\n`;
      lines.push(`M 100644 inline ${path(file)}`, `data ${text.length}`, text);
    }
  }
  return `${lines.join('\n')}\n`;
}
