{{- define "plumbline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "plumbline.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "plumbline.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "plumbline.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Roles and bindings that are of the whole cluster carry the namespace: two releases of one name do not meet. */}}
{{- define "plumbline.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "plumbline.fullname" .) }}
{{- end }}

{{- define "plumbline.selectorLabels" -}}
app.kubernetes.io/name: {{ include "plumbline.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "plumbline.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "plumbline.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "plumbline.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "plumbline.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required with serviceAccount.create=false: the operator would run as the account default, which every pod of the namespace shares" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "plumbline.image" -}}
{{- $repository := required "image.repository is required: there is no public image. Build one with the Dockerfile, push it to a registry of your own, and say where it is: --set image.repository=registry.example.com/plumbline" .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The subject of every binding. */}}
{{- define "plumbline.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "plumbline.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}
