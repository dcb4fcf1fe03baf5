package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/image"
)

// The image that is set in a monorepo, and its versions.
const (
	monorepoImage = "ghcr.io/acme/payments-api"
	monorepoFrom  = "1.4.1"
	monorepoTo    = "1.4.2"
)

// monorepoFile is one file of a made-up GitOps repository.
type monorepoFile struct {
	path, content string
	hit           bool // it holds the version of monorepoImage
}

// monorepo makes up a GitOps repository of n YAML files of about 1 KB, the same
// one every time: bases and overlays, Flux HelmReleases, charts with the charts
// that they depend on, templates. Kustomizations are the shortest files, as they are
// everywhere. It has so many hits, all of them kustomizations, since that is what
// every tool can edit, and a few other files that name the application without an
// image. Files that are not YAML, or not the repository's, come on top of n.
func monorepo(n, hits int) []monorepoFile {
	maker := newMonorepoMaker(1)
	for app := 0; len(maker.files) < n; app++ {
		maker.app(app)
	}
	maker.files = maker.files[:n]
	maker.spread("kustomization.yaml", hits, func(f *monorepoFile) {
		f.hit = true
		f.content += "  # released by the payments team\n  - name: " + monorepoImage + "\n    newTag: " + monorepoFrom + "   # set by CI\n"
	})
	maker.spread("service.yaml", hits/20+min(10, n/100), func(f *monorepoFile) {
		f.content = strings.ReplaceAll(f.content, "part-of: platform", "part-of: payments-api")
	})
	return append(maker.files, maker.beside()...)
}

type monorepoMaker struct {
	random *rand.Rand
	files  []monorepoFile
}

func newMonorepoMaker(seed uint64) *monorepoMaker {
	return &monorepoMaker{random: rand.New(rand.NewPCG(seed, 0))}
}

func (m *monorepoMaker) add(path, text string, pairs []string, more ...string) {
	// Of two pairs with the same name the first one counts.
	replacer := strings.NewReplacer(append(more, pairs...)...)
	m.files = append(m.files, monorepoFile{path: path, content: strings.TrimPrefix(replacer.Replace(text), "\n")})
}

// spread changes so many of the files of a name, evenly far apart.
func (m *monorepoMaker) spread(name string, count int, change func(*monorepoFile)) {
	var named []int
	for i, file := range m.files {
		if path.Base(file.path) == name {
			named = append(named, i)
		}
	}
	for i := range min(count, len(named)) {
		change(&m.files[named[i*len(named)/count]])
	}
}

// app adds the files of one application.
func (m *monorepoMaker) app(number int) {
	team := fmt.Sprintf("team-%02d", number%23)
	app := fmt.Sprintf("%s-%03d", []string{"web", "worker", "ledger", "mailer", "search"}[m.random.IntN(5)], number)
	words := m.words(app, team)
	dir := "apps/" + team + "/" + app
	m.add(dir+"/base/kustomization.yaml", baseText, words)
	m.objects(dir+"/base", words)
	for _, env := range []string{"dev", "staging", "production"} {
		overlay := dir + "/overlays/" + env
		m.add(overlay+"/kustomization.yaml", overlayText, words, "$ENV", env)
		m.add(overlay+"/config.yaml", configMapText, words, "$ENV", env)
	}
	m.add("clusters/"+[]string{"eu-1", "eu-2", "us-1"}[number%3]+"/"+team+"/"+app+".yaml", helmReleaseText, words)
	for _, chart := range []string{"charts/" + app, "charts/" + app + "/charts/redis"} {
		m.add(chart+"/Chart.yaml", chartText, words, "$APP", path.Base(chart))
		m.add(chart+"/values.yaml", valuesText, words, "$APP", path.Base(chart))
		m.add(chart+"/templates/deployment.yaml", templateText, words, "$APP", path.Base(chart))
	}
}

// words are what the texts of an application differ in.
func (m *monorepoMaker) words(app, team string) []string {
	return []string{
		"$APP", app, "$TEAM", team,
		"$VERSION", fmt.Sprintf("%d.%d.%d", m.random.IntN(4), m.random.IntN(20), m.random.IntN(10)),
		"$DIGEST", fmt.Sprintf("sha256:%016x%016x%016x%016x", m.random.Uint64(), m.random.Uint64(), m.random.Uint64(), m.random.Uint64()),
		"$PORT", fmt.Sprint(8000 + m.random.IntN(1000)),
	}
}

// objects adds an application's Kubernetes objects.
func (m *monorepoMaker) objects(dir string, words []string) {
	m.add(dir+"/deployment.yaml", deploymentText, words)
	m.add(dir+"/service.yaml", serviceText, words)
	m.add(dir+"/configmap.yaml", configMapText, words, "$ENV", "base")
}

// beside are files that no tool has to open.
func (m *monorepoMaker) beside() []monorepoFile {
	files := []monorepoFile{
		{path: "README.md", content: "# Everything that runs\n\nSee " + monorepoImage + ".\n"},
		{path: ".git/HEAD", content: "ref: refs/heads/main\n"},
		{path: ".git/config", content: "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"},
		{path: ".git/refs/heads/.keep"},
		{path: ".git/objects/info/.keep"},
	}
	for i := range len(m.files) / 100 {
		files = append(files,
			monorepoFile{path: fmt.Sprintf(".git/objects/%02x/%038x", i%256, m.random.Uint64()), content: fmt.Sprint(m.random.Uint64())},
			monorepoFile{path: fmt.Sprintf("third_party/lib-%03d/.git/index.yaml", i), content: "image: " + monorepoImage + ":" + monorepoFrom + "\n"},
		)
	}
	return files
}

// largeManifest is one file of about so many bytes, as operators publish their
// releases: some Kubernetes objects, so many of them with the image, and the schemas
// of custom resources, which are most of the text.
func largeManifest(size, hits int) monorepoFile {
	maker := newMonorepoMaker(2)
	for number := range hits {
		maker.objects(fmt.Sprint(number), []string{
			"$APP", fmt.Sprintf("operator-%d", number), "$TEAM", "operators", "$PORT", "8443",
		})
	}
	maker.spread("deployment.yaml", hits, func(f *monorepoFile) {
		f.content = strings.Replace(f.content, "docker.io/envoyproxy/envoy:v1.31.2", monorepoImage+":"+monorepoFrom, 1)
	})
	var text strings.Builder
	for _, file := range maker.files {
		text.WriteString(file.content + "---\n")
	}
	for number := 0; text.Len() < size; number++ {
		maker.customResource(&text, fmt.Sprintf("Thing%d", number))
	}
	return monorepoFile{path: "install.yaml", content: text.String(), hit: true}
}

// customResource writes the definition of a kind, with a schema as controller-gen
// writes it.
func (m *monorepoMaker) customResource(text *strings.Builder, kind string) {
	text.WriteString(strings.NewReplacer("$KIND", kind, "$PLURAL", strings.ToLower(kind)+"s").Replace(strings.TrimPrefix(customResourceText, "\n")))
	for range 12 {
		m.property(text, "              ", 0)
	}
	text.WriteString("---\n")
}

// property writes one property of a schema, with those in it.
func (m *monorepoMaker) property(text *strings.Builder, indent string, depth int) {
	fmt.Fprintf(text, "%sfield%d:\n%s  description: |-\n", indent, m.random.Uint32(), indent)
	for range 1 + m.random.IntN(5) {
		fmt.Fprintf(text, "%s    The value that is taken for this field when the one of the object above it is not set.\n", indent)
	}
	kind := []string{"string", "integer", "boolean", "object", "object"}[m.random.IntN(5)]
	if depth == 6 {
		kind = "string"
	}
	if kind == "object" {
		fmt.Fprintf(text, "%s  properties:\n", indent)
		for range 1 + m.random.IntN(4) {
			m.property(text, indent+"    ", depth+1)
		}
	}
	fmt.Fprintf(text, "%s  type: %s\n", indent, kind)
}

// bumped is the content that a file should get.
func (f monorepoFile) bumped() string {
	if !f.hit {
		return f.content
	}
	return strings.NewReplacer(
		monorepoImage+"\n    newTag: "+monorepoFrom, monorepoImage+"\n    newTag: "+monorepoTo,
		monorepoImage+":"+monorepoFrom, monorepoImage+":"+monorepoTo,
	).Replace(f.content)
}

// The benchmarks measure the same on every run, and in a monorepo pawl changes the
// version and nothing else.
func TestMonorepo(t *testing.T) {
	t.Parallel()
	files := append(monorepo(1000, 60), largeManifest(100_000, 8))
	if diff := cmp.Diff(files, append(monorepo(1000, 60), largeManifest(100_000, 8)), cmp.AllowUnexported(monorepoFile{})); diff != "" {
		t.Fatalf("it is another one every time: %s", diff)
	}
	dir := t.TempDir()
	writeFiles(t, dir, files)
	directory, err := bump.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	setting, err := image.ParseSetting(monorepoImage + ":" + monorepoTo)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := bump.Edit(directory, bump.Request{Settings: []image.Setting{setting}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcome.Changes) != 68 || len(outcome.Files) != 61 {
		t.Errorf("%d references in %d files were set, want 68 in 61", len(outcome.Changes), len(outcome.Files))
	}
	size := 0
	for _, file := range files {
		size += len(file.content)
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file.path)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(file.bumped(), string(got)); diff != "" {
			t.Errorf("%s: %s", file.path, diff)
		}
	}
	if average := size / 1001; average < 700 || average > 1300 {
		t.Errorf("the files have %d bytes on average, want about 1 KB", average)
	}
}

// writeFiles puts files below a folder.
func writeFiles(t testing.TB, dir string, files []monorepoFile) {
	t.Helper()
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(file.content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const baseText = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

# What $APP consists of, everywhere.
resources:
  - deployment.yaml
  - service.yaml
  - configmap.yaml

labels:
  - includeSelectors: false
    pairs:
      app.kubernetes.io/name: $APP
      acme.io/team: $TEAM

images:
  - name: ghcr.io/acme/$APP
    newTag: $VERSION
`

const overlayText = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

namespace: $TEAM-$ENV

resources:
  - ../../base
  - config.yaml

patches:
  - target:
      kind: Deployment
      name: $APP
    patch: |-
      - op: replace
        path: /spec/replicas
        value: 3

images:
  - name: ghcr.io/acme/$APP
    newTag: $VERSION
  - name: docker.io/envoyproxy/envoy
    newTag: v1.31.2  # with the sidecar of the mesh
    digest: $DIGEST
`

const deploymentText = `
# Owned by $TEAM.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $APP
  labels: {app.kubernetes.io/name: $APP, app.kubernetes.io/part-of: platform}
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: $APP
  template:
    metadata:
      labels:
        app.kubernetes.io/name: $APP
    spec:
      serviceAccountName: $APP
      containers:
        - name: $APP
          image: ghcr.io/acme/$APP
          args: ["--listen=:$PORT", "--log-format=json"]
          ports:
            - name: http
              containerPort: $PORT
          readinessProbe:
            httpGet: {path: /ready, port: http}
            periodSeconds: 5
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            initialDelaySeconds: 10
            periodSeconds: 10
          envFrom:
            - configMapRef:
                name: $APP-config
            - secretRef:
                name: $APP-secrets
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            runAsNonRoot: true
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
        - name: envoy
          image: docker.io/envoyproxy/envoy:v1.31.2
          volumeMounts:
            - name: envoy
              mountPath: /etc/envoy
      volumes:
        - name: envoy
          configMap:
            name: $APP-envoy
`

const serviceText = `
apiVersion: v1
kind: Service
metadata:
  name: $APP
  labels:
    app.kubernetes.io/name: $APP
    app.kubernetes.io/part-of: platform
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "$PORT"
spec:
  selector:
    app.kubernetes.io/name: $APP
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: $APP
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: $APP
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: $APP
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: $APP}
  minReplicas: 2
  maxReplicas: 8
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
`

const configMapText = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: $APP-config
  labels:
    app.kubernetes.io/name: $APP
    acme.io/environment: $ENV
data:
  APP_ENV: $ENV
  DATABASE_URL: postgres://$APP@db.$TEAM.svc.cluster.local:5432/$APP?sslmode=require
  HTTP_PORT: "$PORT"
  application.properties: |
    # what $APP reads at start
    server.port=$PORT
    server.shutdown=graceful
    spring.datasource.hikari.maximum-pool-size=20
    spring.datasource.hikari.connection-timeout=2000
    management.endpoints.web.exposure.include=health,prometheus
    management.endpoint.health.probes.enabled=true
    management.metrics.tags.application=$APP
    management.metrics.tags.environment=$ENV
    logging.level.root=INFO
    logging.level.com.acme=DEBUG
    acme.retry.max-attempts=5
    acme.retry.backoff=250ms
    acme.cache.ttl=300s
    acme.cache.size=10000
    acme.audit.topic=$TEAM.audit
    acme.audit.enabled=true
    acme.audit.retention=90d
    acme.http.client.connect-timeout=500ms
    acme.http.client.read-timeout=2s
    acme.http.client.pool-size=50
    acme.kafka.bootstrap-servers=kafka.$TEAM.svc.cluster.local:9092
    acme.kafka.consumer.group=$APP
    acme.kafka.consumer.max-poll-records=200
    acme.feature.search=true
    acme.feature.export=false
`

const helmReleaseText = `
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: $APP
  namespace: $TEAM
spec:
  interval: 10m
  chart:
    spec:
      chart: ./charts/$APP
      sourceRef:
        kind: GitRepository
        name: platform
        namespace: flux-system
  install:
    crds: CreateReplace
    remediation:
      retries: 3
  upgrade:
    cleanupOnFail: true
    remediation:
      retries: 3
      strategy: rollback
  values:
    image:
      repository: ghcr.io/acme/$APP
      tag: $VERSION@$DIGEST
    replicaCount: 3
    ingress:
      enabled: true
      className: nginx
      hosts:
        - host: $APP.example.com
          paths: [{path: /, pathType: Prefix}]
    metrics:
      image: quay.io/prometheus/statsd-exporter:v0.27.1
    resources:
      requests: {cpu: 100m, memory: 128Mi}
    env:
      - name: LOG_LEVEL
        value: info
      - name: DATABASE_HOST
        value: db.$TEAM.svc.cluster.local
    affinity:
      podAntiAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            podAffinityTerm:
              topologyKey: topology.kubernetes.io/zone
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: $APP
    tolerations: []
`

const customResourceText = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    controller-gen.kubebuilder.io/version: v0.16.5
  name: $PLURAL.acme.io
spec:
  group: acme.io
  names:
    kind: $KIND
    listKind: $KINDList
    plural: $PLURAL
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
`

const chartText = `
apiVersion: v2
name: $APP
description: What runs as $APP, for every environment.
type: application
version: 0.$PORT.0
appVersion: "$VERSION"
kubeVersion: ">=1.28.0-0"
home: https://example.com/$TEAM/$APP
sources:
  - https://github.com/acme/$APP
maintainers:
  - name: $TEAM
    email: $TEAM@example.com
dependencies:
  - name: redis
    version: 20.6.2
    repository: oci://registry-1.docker.io/bitnamicharts
    condition: redis.enabled
annotations:
  category: Backend
  acme.io/team: $TEAM
  acme.io/tier: "2"
`

const valuesText = `
## Values of $APP.
replicaCount: 2

image:
  registry: ghcr.io
  repository: acme/$APP
  tag: "$VERSION"
  digest: ""
  pullPolicy: IfNotPresent
  pullSecrets: []

serviceAccount:
  create: true
  annotations: {}

service:
  type: ClusterIP
  port: 80
  targetPort: $PORT

ingress:
  enabled: false
  className: nginx
  annotations: {}
  hosts: []
  tls: []

resources:
  requests:
    cpu: 100m
    memory: 128Mi
  limits:
    memory: 256Mi

## Metrics are read by the platform's Prometheus.
metrics:
  enabled: true
  image:
    registry: quay.io
    repository: prometheus/statsd-exporter
    tag: v0.27.1
  serviceMonitor:
    enabled: true
    interval: 30s

redis:
  enabled: false
  architecture: standalone

podSecurityContext:
  runAsNonRoot: true
  fsGroup: 65532

autoscaling:
  enabled: true
  minReplicas: 2
  maxReplicas: 8
  targetCPUUtilizationPercentage: 70

nodeSelector: {}
tolerations: []
affinity: {}
`

const templateText = `
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "$APP.fullname" . }}
  labels:
    {{- include "$APP.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "$APP.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "$APP.selectorLabels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "$APP.serviceAccountName" . }}
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          ports:
            - name: http
              containerPort: {{ .Values.service.targetPort }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
`
