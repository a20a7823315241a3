{{- /* What the operator itself may do, as lists of rules. Everything from git is written as the sources' accounts. */}}

{{- /* Its own kind: read, and metadata (finalizer, ApplySet annotations) and status patched; and events. */}}
{{- define "plumbline.rules.own" -}}
- apiGroups: [plumbline.dev]
  resources: [gitopssources]
  verbs: [get, list, watch, patch]
- apiGroups: [plumbline.dev]
  resources: [gitopssources/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- /*
What is read. The wildcard stops at list and watch: `get` on every resource is `get` on pods/exec and nodes/proxy too,
which run commands (RBAC cannot name all resources without their subresources). One object is read by a list of its name.
*/}}
{{- define "plumbline.rules.read" -}}
{{- if .Values.rbac.read }}
- apiGroups: [""]
  resources: [serviceaccounts, namespaces]
  verbs: [get, list, watch]
{{- if not .Values.namespaces }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch]
{{- end }}
{{- range .Values.rbac.read }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [get, list, watch]
{{- end }}
{{- else }}
- apiGroups: ["*"]
  resources: ["*"]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [secrets, serviceaccounts, namespaces]
  verbs: [get]
{{- if not .Values.namespaces }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get]
{{- end }}
{{- end }}
{{- end }}

{{- /* As whom sources write. */}}
{{- define "plumbline.rules.impersonate" -}}
- apiGroups: [""]
  resources: [serviceaccounts]
  {{- with .Values.rbac.impersonate.serviceAccounts }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [impersonate]
{{- end }}
