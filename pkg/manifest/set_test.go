package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

const (
	hexA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hexB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	shaA = "sha256:" + hexA
	shaB = "sha256:" + hexB
)

// sample is an edit and what it must give.
type sample struct {
	name    string
	file    string // kustomization.yaml when empty
	src     string
	set     string // settings with spaces between them
	opt     manifest.Options
	want    string // "" when nothing may change
	refused string // part of the reason, when the edit must be refused
	once    bool   // bumping back does not restore the file: quotes or lines were added
}

func (s sample) fileName() string {
	if s.file != "" {
		return s.file
	}
	return "kustomization.yaml"
}

func parseSettings(t testing.TB, text string) []image.Setting {
	t.Helper()
	var settings []image.Setting
	for _, word := range strings.Fields(text) {
		setting, err := image.ParseSetting(word)
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, setting)
	}
	return settings
}

// expand puts digests in the place of A and B in a sample.
func (s sample) expand() sample {
	r := strings.NewReplacer("<A>", shaA, "<B>", shaB, "<a>", hexA, "<b>", hexB)
	s.src, s.set, s.want = r.Replace(s.src), r.Replace(s.set), r.Replace(s.want)
	return s
}

func kustomizeSamples() []sample {
	return []sample{
		{
			name: "newTag",
			src:  "images:\n- name: nginx\n  newTag: v1\n",
			set:  "nginx:v2",
			want: "images:\n- name: nginx\n  newTag: v2\n",
		},
		{
			name: "comment and quotes are kept",
			src:  "images:\n  - name: nginx   # the proxy\n    newTag: \"v1\" # {\"$imagepolicy\": \"a:b:tag\"}\n\n\n",
			set:  "nginx:v2",
			want: "images:\n  - name: nginx   # the proxy\n    newTag: \"v2\" # {\"$imagepolicy\": \"a:b:tag\"}\n\n\n",
		},
		{
			name: "name, newName, newTag: by newName",
			src:  "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v1\n- name: other\n  newTag: v1\n",
			set:  "ghcr.io/acme/app:v2",
			want: "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n- name: other\n  newTag: v1\n",
		},
		{
			name: "name, newName, newTag: by name",
			src:  "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v1\n",
			set:  "app:v2",
			want: "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n",
		},
		{
			name: "keys in another order",
			src:  "images:\n- newTag: v1\n  newName: ghcr.io/acme/app\n  name: app\n",
			set:  "app:v2",
			want: "images:\n- newTag: v2\n  newName: ghcr.io/acme/app\n  name: app\n",
		},
		{
			name: "a name matches as a whole",
			src:  "images:\n- name: evil/app\n  newTag: v1\n- name: app-worker\n  newTag: v1\n- name: ghcr.io/app\n  newTag: v1\n",
			set:  "app:v2",
		},
		{
			name: "defaults of Docker Hub",
			src:  "images:\n- name: docker.io/library/nginx\n  newTag: v1\n- name: docker.io/nginx\n  newTag: v1\n- name: nginx\n  newTag: v1\n",
			set:  "nginx:v2",
			want: "images:\n- name: docker.io/library/nginx\n  newTag: v2\n- name: docker.io/nginx\n  newTag: v2\n- name: nginx\n  newTag: v2\n",
		},
		{
			name: "newTag is missing",
			src:  "images:\n- name: nginx\nresources:\n- a.yaml\n",
			set:  "nginx:v2",
			want: "images:\n- name: nginx\n  newTag: v2\nresources:\n- a.yaml\n",
			once: true,
		},
		{
			name: "newTag is missing after newName with a comment",
			src:  "images:\n  -   name: nginx\n      newName: ghcr.io/acme/nginx # mirror\n      # about nothing\n  -   name: b\n",
			set:  "nginx:v2",
			want: "images:\n  -   name: nginx\n      newName: ghcr.io/acme/nginx # mirror\n      newTag: v2\n      # about nothing\n  -   name: b\n",
			once: true,
		},
		{
			name: "newTag is missing in a flow mapping",
			src:  "images: [{name: 'nginx'}, {name: b}]\n",
			set:  "nginx:1.10",
			want: "images: [{name: 'nginx', newTag: \"1.10\"}, {name: b}]\n",
			once: true,
		},
		{
			name: "newTag is missing in JSON",
			src:  "{\"images\": [{\"name\": \"nginx\"}]}\n",
			set:  "nginx:v2",
			want: "{\"images\": [{\"name\": \"nginx\", \"newTag\": \"v2\"}]}\n",
			once: true,
		},
		{
			name: "newTag is missing after an alias",
			src:  "x: &n nginx\nimages:\n- name: *n\n",
			set:  "nginx:v2",
			want: "x: &n nginx\nimages:\n- name: *n\n  newTag: v2\n",
			once: true,
		},
		{
			name: "newTag is empty",
			src:  "images:\n- name: nginx\n  newTag: \"\"\n",
			set:  "nginx:v2",
			want: "images:\n- name: nginx\n  newTag: \"v2\"\n",
			once: true,
		},
		{
			name: "newTag is null",
			src:  "images:\n- name: nginx\n  newTag: # set by CI\n- name: b\n  newTag: ~\n",
			set:  "nginx:v2 b:v3",
			want: "images:\n- name: nginx\n  newTag: v2 # set by CI\n- name: b\n  newTag: v3\n",
			once: true,
		},
		{
			name: "tag and digest",
			src:  "images:\n- name: nginx\n  newTag: v1\n  digest: <A>\n",
			set:  "nginx:v2@<B>",
			want: "images:\n- name: nginx\n  newTag: v2\n  digest: <B>\n",
		},
		{
			name: "digest replaces digest",
			src:  "images:\n- name: nginx\n  digest: <A>\n",
			set:  "nginx@<B>",
			want: "images:\n- name: nginx\n  digest: <B>\n",
		},
		{
			name: "digest alone takes the tag away",
			src:  "images:\n- name: nginx\n  newTag: v1\n  digest: <A>\n",
			set:  "nginx@<B>",
			want: "images:\n- name: nginx\n  newTag: \"\"\n  digest: <B>\n",
			once: true,
		},
		{
			name: "tag and digest are missing",
			src:  "images:\n- name: nginx",
			set:  "nginx:v2@<B>",
			want: "images:\n- name: nginx\n  newTag: v2\n  digest: <B>",
			once: true,
		},
		{
			name: "digest is missing",
			src:  "images:\n- name: nginx\n  newTag: v1\n  # end\n",
			set:  "nginx:v2@<B>",
			want: "images:\n- name: nginx\n  newTag: v2\n  digest: <B>\n  # end\n",
			once: true,
		},
		{
			name:    "digest beside the tag is refused",
			src:     "images:\n- name: nginx\n  newTag: v1\n  digest: <A>\n",
			set:     "nginx:v2",
			refused: "--digest-policy",
		},
		{
			name: "digest beside the same tag is no problem",
			src:  "images:\n- name: nginx\n  newTag: v1\n  digest: <A>\n",
			set:  "nginx:v1",
		},
		{
			name: "digest is dropped",
			src:  "images:\n- name: nginx\n  newTag: v1\n  digest: <A> # pin\n",
			set:  "nginx:v2",
			opt:  manifest.Options{Digest: manifest.Drop},
			want: "images:\n- name: nginx\n  newTag: v2\n  digest: \"\" # pin\n",
			once: true,
		},
		{
			name: "digest is kept",
			src:  "images:\n- name: nginx\n  newTag: v1\n  digest: <A>\n",
			set:  "nginx:v2",
			opt:  manifest.Options{Digest: manifest.Keep},
			want: "images:\n- name: nginx\n  newTag: v2\n  digest: <A>\n",
			once: true,
		},
		{
			name:    "digest alone against a tag is refused",
			src:     "images:\n- name: nginx\n  digest: <A>\n",
			set:     "nginx:v2",
			refused: "is pinned to",
		},
		{
			name: "rename",
			src:  "images:\n- name: app\n  newTag: v1\n",
			set:  "app=ghcr.io/acme/app:v2",
			want: "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n",
			once: true,
		},
		{
			name: "rename an empty entry",
			src:  "images:\n- name: app\n",
			set:  "app=ghcr.io/acme/app:v2",
			want: "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n",
			once: true,
		},
		{
			name: "rename again",
			src:  "images:\n- name: app\n  newName: ghcr.io/old/app\n  newTag: v1\n",
			set:  "app=ghcr.io/acme/app:v2",
			want: "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n",
			once: true,
		},
		{
			name: "rename that is done",
			src:  "images:\n- name: app\n  newName: ghcr.io/acme/app\n  newTag: v2\n",
			set:  "app=ghcr.io/acme/app:v2",
		},
		{
			name: "placeholder",
			src:  "images:\n- name: API_IMAGE\n  newName: ghcr.io/acme/api\n  newTag: v1\n",
			set:  "API_IMAGE=ghcr.io/acme/api:v2",
			want: "images:\n- name: API_IMAGE\n  newName: ghcr.io/acme/api\n  newTag: v2\n",
		},
		{
			name: "version is there",
			src:  "images:\n- name: nginx\n  newTag: \"1.10\"\n",
			set:  "nginx:1.10",
		},
		{
			name: "version is there, but as a number",
			src:  "images:\n- name: nginx\n  newTag: 1.10\n",
			set:  "nginx:1.10",
			want: "images:\n- name: nginx\n  newTag: \"1.10\"\n",
			once: true,
		},
		{
			name: "tagSuffix beside a tag",
			src:  "images:\n- name: nginx\n  newTag: v1\n  tagSuffix: -debug\n",
			set:  "nginx:v2",
			want: "images:\n- name: nginx\n  newTag: v2\n  tagSuffix: -debug\n",
		},
		{
			name:    "variable",
			src:     "images:\n- name: nginx\n  newTag: ${TAG}\n",
			set:     "nginx:v2",
			refused: "is no tag",
		},
		{
			name: "component",
			file: "component.yaml",
			src:  "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- name: nginx\n  newTag: v1\n",
			set:  "nginx:v2",
			want: "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- name: nginx\n  newTag: v2\n",
		},
		{
			name: "values that have images are no kustomization",
			file: "values.yaml",
			src:  "images:\n- name: nginx\n  tag: v1\n",
			set:  "nginx:v2",
		},
		{
			name: "the Kustomization of Flux is another thing",
			src:  "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nimages:\n- name: nginx\n  newTag: v1\n",
			set:  "nginx:v2",
		},
		{
			name: "several settings, several documents",
			file: "all.yaml",
			src: "# one\n---\nkind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n- {name: a, newTag: v1}\n- {name: b, newTag: v1}\n" +
				"---\nkind: Pod\napiVersion: v1\nspec: {containers: [{image: a:v1}, {image: \"b:v1\"}, {image: c:v1}]}\n...\n---\nimage: {repository: a, tag: v1}\n",
			set: "a:v2 b:v3",
			want: "# one\n---\nkind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n- {name: a, newTag: v2}\n- {name: b, newTag: v3}\n" +
				"---\nkind: Pod\napiVersion: v1\nspec: {containers: [{image: a:v2}, {image: \"b:v3\"}, {image: c:v1}]}\n...\n---\nimage: {repository: a, tag: v2}\n",
			once: true,
		},
		{
			name:    "two settings that disagree",
			src:     "images:\n- name: nginx\n  newTag: v1\n",
			set:     "nginx:v2 docker.io/nginx:v3",
			refused: "two settings",
		},
		{
			name: "two settings that agree",
			src:  "images:\n- name: nginx\n  newTag: v1\n",
			set:  "nginx:v2 docker.io/nginx:v2",
			want: "images:\n- name: nginx\n  newTag: v2\n",
			once: true,
		},
		{
			name:    "a key twice in the entry",
			src:     "images:\n- name: nginx\n  newTag: v1\n  newTag: v0\n",
			set:     "nginx:v2",
			refused: "there twice",
		},
		{
			name:    "a key twice above the entry",
			src:     "images:\n- name: nginx\n  newTag: v1\nresources: []\nimages:\n- name: nginx\n  newTag: v1\n",
			set:     "nginx:v2",
			refused: "there twice",
		},
	}
}

func addSamples() []sample {
	add := manifest.Options{Add: true}
	return []sample{
		{
			name: "entry after others",
			src:  "images:\n  - name: a\n    newTag: v1 # one\n\n# end\nresources: []\n",
			set:  "b:1.10", opt: add, once: true,
			want: "images:\n  - name: a\n    newTag: v1 # one\n  - name: b\n    newTag: \"1.10\"\n\n# end\nresources: []\n",
		},
		{
			name: "entry after a wide one",
			src:  "images:\n-   name: a\n    newTag: v1\n",
			set:  "b:v2", opt: add, once: true,
			want: "images:\n-   name: a\n    newTag: v1\n-   name: b\n    newTag: v2\n",
		},
		{
			name: "entry after one in flow style",
			src:  "images:\n- {name: a, newTag: v1}\n",
			set:  "b:v2", opt: add, once: true,
			want: "images:\n- {name: a, newTag: v1}\n- name: b\n  newTag: v2\n",
		},
		{
			name: "list at the end",
			src:  "resources:\n  - a.yaml\n",
			set:  "x=ghcr.io/acme/b:v2@<B> c@<A>", opt: add, once: true,
			want: "resources:\n  - a.yaml\nimages:\n  - name: x\n    newName: ghcr.io/acme/b\n    newTag: v2\n    digest: <B>\n  - name: c\n    digest: <A>\n",
		},
		{
			name: "list at the end, no final line break",
			src:  "# c\nresources:\n- a.yaml",
			set:  "b:v2", opt: add, once: true,
			want: "# c\nresources:\n- a.yaml\nimages:\n- name: b\n  newTag: v2",
		},
		{
			name: "list at the end, blank lines",
			src:  "resources:\n- a.yaml  \n\n\n",
			set:  "b:v2", opt: add, once: true,
			want: "resources:\n- a.yaml  \nimages:\n- name: b\n  newTag: v2\n\n\n",
		},
		{
			name: "list after a block",
			src:  "patches:\n- patch: |-\n    a: b\n",
			set:  "b:v2", opt: add, once: true,
			want: "patches:\n- patch: |-\n    a: b\nimages:\n- name: b\n  newTag: v2\n",
		},
		{
			name: "list is null",
			src:  "resources:\n- a.yaml\nimages: # none yet\nnamespace: x\n",
			set:  "b:v2", opt: add, once: true,
			want: "resources:\n- a.yaml\nimages: # none yet\n- name: b\n  newTag: v2\nnamespace: x\n",
		},
		{
			name: "list is empty",
			src:  "images: []\nnamespace: x\n",
			set:  "b:v2", opt: add, once: true,
			want: "images:\n- name: b\n  newTag: v2\nnamespace: x\n",
		},
		{
			name: "an entry that matches is enough",
			src:  "images:\n- name: a\n  newName: b\n  newTag: v2\n",
			set:  "b:v2", opt: add,
		},
		{
			name: "set one, add one",
			src:  "images:\n- name: a\n",
			set:  "a:v2 b:v3", opt: add, once: true,
			want: "images:\n- name: a\n  newTag: v2\n- name: b\n  newTag: v3\n",
		},
		{
			name: "without the option",
			src:  "resources:\n- a.yaml\n",
			set:  "b:v2",
		},
		{
			name: "not a kustomization", file: "values.yaml",
			src: "resources:\n- a.yaml\n",
			set: "b:v2", opt: add,
		},
		{
			name: "flow style", src: "images: [{name: a, newTag: v1}]\n",
			set: "b:v2", opt: add, refused: "add it by hand",
		},
		{
			name: "JSON", src: "{\"resources\": []}\n",
			set: "b:v2", opt: add, refused: "add it by hand",
		},
		{
			name: "end mark", src: "resources: []\n...\n",
			set: "b:v2", opt: add, refused: "the edit is not safe",
		},
		{
			name: "block that keeps its blank lines", src: "x: |+\n  a\n\n\n",
			set: "b:v2", opt: add, refused: "the edit is not safe",
		},
		{
			name: "last line is part of a block", src: "images:\n- name: a\n  x: |\n    b\n    c\n",
			set: "b:v2", opt: add, refused: "add it by hand",
		},
	}
}

func containerSamples() []sample {
	return []sample{
		{
			name: "containers of a Deployment", file: "deployment.yaml",
			src:  "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: ghcr.io/acme/api:v1\n        name: init\n      containers:\n      - name: api\n        image: ghcr.io/acme/api:v1 # main\n      - name: proxy\n        image: ghcr.io/acme/api-proxy:v1\n      ephemeralContainers:\n      - image: 'ghcr.io/acme/api:v1'\n",
			set:  "ghcr.io/acme/api:v2",
			want: "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: ghcr.io/acme/api:v2\n        name: init\n      containers:\n      - name: api\n        image: ghcr.io/acme/api:v2 # main\n      - name: proxy\n        image: ghcr.io/acme/api-proxy:v1\n      ephemeralContainers:\n      - image: 'ghcr.io/acme/api:v2'\n",
		},
		{
			name: "CronJob and custom resource", file: "x.yaml",
			src:  "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: \"a:1.9\"}]}}}}}\n---\napiVersion: acme.io/v1\nkind: App\nspec:\n  image: a:1.9\nstatus:\n  image: a:1.9\n  images:\n    a: a:1.9\n",
			set:  "a:1.10",
			want: "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: \"a:1.10\"}]}}}}}\n---\napiVersion: acme.io/v1\nkind: App\nspec:\n  image: a:1.10\nstatus:\n  image: a:1.9\n  images:\n    a: a:1.9\n",
		},
		{
			name: "status in a List", file: "x.yaml",
			src:  "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{image: a:v1}]}\n  status: {containerStatuses: [{image: a:v1}]}\n",
			set:  "a:v2",
			want: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{image: a:v2}]}\n  status: {containerStatuses: [{image: a:v1}]}\n",
		},
		{
			name: "a key that is a name", file: "x.yaml",
			src: "apiVersion: v1\nkind: ConfigMap\ndata:\n  nginx: nginx:1.20\n",
			set: "nginx:1.21",
		},
		{
			name: "JSON patch", file: "patch.yaml",
			src:  "- op: test\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1.20\n- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1.20\n- op: add\n  path: /spec/template/spec/containers/-\n  value: {name: b, image: nginx:1.20}\n- op: add\n  path: /metadata/annotations/x\n  value: nginx:1.20\n",
			set:  "nginx:1.21",
			want: "- op: test\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1.20\n- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1.21\n- op: add\n  path: /spec/template/spec/containers/-\n  value: {name: b, image: nginx:1.21}\n- op: add\n  path: /metadata/annotations/x\n  value: nginx:1.20\n",
		},
		{
			name: "JSON file", file: "pod.json",
			src:  "{\n  \"apiVersion\": \"v1\", \"kind\": \"Pod\",\n  \"spec\": {\"containers\": [{\"image\": \"nginx:1.20\"}]}\n}\n",
			set:  "nginx:1.21@<A>",
			want: "{\n  \"apiVersion\": \"v1\", \"kind\": \"Pod\",\n  \"spec\": {\"containers\": [{\"image\": \"nginx:1.21@<A>\"}]}\n}\n",
			once: true,
		},
		{
			name: "a port is no tag", file: "x.yaml",
			src:  "image: localhost:5000/x:1.2\n",
			set:  "localhost:5000/x:1.3",
			want: "image: localhost:5000/x:1.3\n",
		},
		{
			name: "a name alone gets a version", file: "x.yaml",
			src:  "image: localhost:5000/x # c\n",
			set:  "localhost:5000/x:1.3",
			want: "image: localhost:5000/x:1.3 # c\n",
			once: true,
		},
		{
			name: "a name alone is left alone", file: "x.yaml",
			src: "image: nginx\n",
			set: "nginx:1.3",
			opt: manifest.Options{KeepBare: func(manifest.Found) bool { return true }},
		},
		{
			name: "the spelling of the name stays", file: "x.yaml",
			src:  "image: docker.io/library/nginx:1.2\n",
			set:  "nginx:1.3",
			want: "image: docker.io/library/nginx:1.3\n",
		},
		{
			name: "rename", file: "x.yaml",
			src:  "image: 'app:v1'\n",
			set:  "app=ghcr.io/acme/app:v2",
			want: "image: 'ghcr.io/acme/app:v2'\n",
			once: true,
		},
		{
			name: "digest is replaced", file: "x.yaml",
			src:  "image: app:v1@<A>\n",
			set:  "app:v2@<B>",
			want: "image: app:v2@<B>\n",
		},
		{
			name: "digest is refused", file: "x.yaml",
			src: "image: app:v1@<A>\n",
			set: "app:v2", refused: "--digest-policy",
		},
		{
			name: "digest is dropped", file: "x.yaml",
			src:  "image: app:v1@<A>\n",
			set:  "app:v2",
			opt:  manifest.Options{Digest: manifest.Drop},
			want: "image: app:v2\n",
			once: true,
		},
		{
			name: "digest is dropped from the same tag", file: "x.yaml",
			src:  "image: app:v1@<A>\n",
			set:  "app:v1",
			opt:  manifest.Options{Digest: manifest.Drop},
			want: "image: app:v1\n",
			once: true,
		},
		{
			name: "digest is kept", file: "x.yaml",
			src:  "image: app:v1@<A>\n",
			set:  "app:v2",
			opt:  manifest.Options{Digest: manifest.Keep},
			want: "image: app:v2@<A>\n",
			once: true,
		},
		{
			name: "digest only", file: "x.yaml",
			src:  "image: app@<A>\n",
			set:  "app@<B>",
			want: "image: app@<B>\n",
		},
		{
			name: "one refusal stops the file", file: "x.yaml",
			src: "a: {image: b:v1}\nb: {image: app:v1@<A>}\nc: {image: app:v1@<A>}\n",
			set: "b:v2 app:v2", refused: "x.yaml:3:",
		},
		{
			name: "numbers and booleans are no images", file: "x.yaml",
			src: "a: {image: 123}\nb: {image: true}\nc: {image: !!str 1}\nd: {image: ~}\ne: {image: }\nf: {image: {x: y}}\n",
			set: "true:v1 123:v2",
		},
		{
			name: "sexagesimal", file: "x.yaml",
			src:  "image: 1:30\n",
			set:  "1:31",
			want: "image: \"1:31\"\n",
			once: true,
		},
		{
			name: "variables are no images", file: "x.yaml",
			src: "a: {image: \"${IMAGE}:v1\"}\nb: {image: $(params.image)}\nc: {image: 'app:{{ .Values.tag }}'}\n",
			set: "app:v2",
		},
		{
			name: "patch without kind", file: "patch.yaml",
			src:  "spec:\n  template:\n    spec:\n      containers:\n      - image: app:v1\nstatus: {image: app:v1}\n",
			set:  "app:v2",
			want: "spec:\n  template:\n    spec:\n      containers:\n      - image: app:v2\nstatus: {image: app:v1}\n",
		},
	}
}

func helmSamples() []sample {
	return []sample{
		{
			name: "repository and tag", file: "values.yaml",
			src:  "image:\n  repository: ghcr.io/acme/api\n  pullPolicy: Always\n  tag: v1 # now\nother:\n  image: {repository: ghcr.io/acme/b, tag: v1}\n",
			set:  "ghcr.io/acme/api:v2",
			want: "image:\n  repository: ghcr.io/acme/api\n  pullPolicy: Always\n  tag: v2 # now\nother:\n  image: {repository: ghcr.io/acme/b, tag: v1}\n",
		},
		{
			name: "registry, repository, tag and an empty digest", file: "values.yaml",
			src:  "image:\n  registry: docker.io\n  repository: bitnami/nginx\n  tag: 1.2.3-r0\n  digest: \"\"\n",
			set:  "bitnami/nginx:1.2.4-r0",
			want: "image:\n  registry: docker.io\n  repository: bitnami/nginx\n  tag: 1.2.4-r0\n  digest: \"\"\n",
		},
		{
			name: "an empty digest is filled", file: "values.yaml",
			src:  "registry: \"\"\nrepository: bitnami/nginx\ntag: 1.2.3-r0\ndigest: \"\"\n",
			set:  "bitnami/nginx:1.2.4-r0@<B>",
			want: "registry: \"\"\nrepository: bitnami/nginx\ntag: 1.2.4-r0\ndigest: \"<B>\"\n",
			once: true,
		},
		{
			name: "a digest is replaced", file: "values.yaml",
			src:  "a: {registry: quay.io, repository: x/y, tag: v1, digest: <A>}\n",
			set:  "quay.io/x/y:v2@<B>",
			want: "a: {registry: quay.io, repository: x/y, tag: v2, digest: <B>}\n",
		},
		{
			name: "a digest is refused", file: "values.yaml",
			src: "a: {repository: x/y, tag: v1, digest: <A>}\n",
			set: "x/y:v2", refused: "--digest-policy",
		},
		{
			name: "a digest is dropped", file: "values.yaml",
			src:  "a: {repository: x/y, tag: v1, digest: '<A>'}\n",
			set:  "x/y:v2",
			opt:  manifest.Options{Digest: manifest.Drop},
			want: "a: {repository: x/y, tag: v2, digest: ''}\n",
			once: true,
		},
		{
			name: "sha has the digits only", file: "values.yaml",
			src:  "a:\n  repository: x/y\n  tag: v1\n  sha: <a>\n",
			set:  "x/y:v2@<B>",
			want: "a:\n  repository: x/y\n  tag: v2\n  sha: <b>\n",
		},
		{
			name: "sha is filled", file: "values.yaml",
			src:  "a:\n  repository: x/y\n  tag: v1\n  sha: \"\"\n",
			set:  "x/y:v2@<B>",
			want: "a:\n  repository: x/y\n  tag: v2\n  sha: \"<b>\"\n",
			once: true,
		},
		{
			name: "sha is refused", file: "values.yaml",
			src: "a:\n  repository: x/y\n  tag: v1\n  sha: <a>\n",
			set: "x/y:v2", refused: "is pinned to",
		},
		{
			name: "sha of a commit is none", file: "values.yaml",
			src:  "a:\n  repository: x/y\n  tag: v1\n  sha: abc1234\n",
			set:  "x/y:v2",
			want: "a:\n  repository: x/y\n  tag: v2\n  sha: abc1234\n",
		},
		{
			name: "tag with a digest", file: "values.yaml",
			src:  "image:\n  repository: ghcr.io/acme/api\n  tag: 1.2@<A>\n",
			set:  "ghcr.io/acme/api:1.3@<B>",
			want: "image:\n  repository: ghcr.io/acme/api\n  tag: 1.3@<B>\n",
		},
		{
			name: "tag with a digest is refused", file: "values.yaml",
			src: "image:\n  repository: ghcr.io/acme/api\n  tag: 1.2@<A>\n",
			set: "ghcr.io/acme/api:1.3", refused: "--digest-policy",
		},
		{
			name: "tag with a digest is dropped", file: "values.yaml",
			src:  "image:\n  repository: ghcr.io/acme/api\n  tag: 1.2@<A>\n",
			set:  "ghcr.io/acme/api:1.3",
			opt:  manifest.Options{Digest: manifest.Drop},
			want: "image:\n  repository: ghcr.io/acme/api\n  tag: \"1.3\"\n",
			once: true,
		},
		{
			name: "tag gets a digest", file: "values.yaml",
			src:  "image:\n  repository: ghcr.io/acme/api\n  tag: v1\n",
			set:  "ghcr.io/acme/api:v2@<B>",
			want: "image:\n  repository: ghcr.io/acme/api\n  tag: v2@<B>\n",
			once: true,
		},
		{
			name: "a digest without a tag is refused", file: "values.yaml",
			src: "image:\n  repository: ghcr.io/acme/api\n  tag: v1\n",
			set: "ghcr.io/acme/api@<B>", refused: "give both",
		},
		{
			name: "digest without a key tag", file: "values.yaml",
			src:  "image:\n  repository: ghcr.io/acme/api\n  digest: <A>\n",
			set:  "ghcr.io/acme/api@<B>",
			want: "image:\n  repository: ghcr.io/acme/api\n  digest: <B>\n",
		},
		{
			name: "digest without a key tag, tag given", file: "values.yaml",
			src: "image:\n  repository: ghcr.io/acme/api\n  digest: <A>\n",
			set: "ghcr.io/acme/api:v1@<B>", refused: "no key tag",
		},
		{
			name: "empty tag is filled", file: "values.yaml",
			src:  "a:\n  repository: x/y\n  tag: \"\"\nb: {repository: x/y, tag: ''}\nc:\n  repository: x/y\n  tag:   # appVersion\nd: {repository: x/y, tag: }\n",
			set:  "x/y:v2",
			want: "a:\n  repository: x/y\n  tag: \"v2\"\nb: {repository: x/y, tag: 'v2'}\nc:\n  repository: x/y\n  tag: v2   # appVersion\nd: {repository: x/y, tag: v2 }\n",
			once: true,
		},
		{
			name: "empty tag in JSON", file: "values.json",
			src:  "{\"repository\": \"x/y\", \"tag\": null}\n",
			set:  "x/y:v2",
			want: "{\"repository\": \"x/y\", \"tag\": \"v2\"}\n",
			once: true,
		},
		{
			name: "string", file: "values.yaml",
			src:  "api:\n  image: ghcr.io/acme/api:v1\n",
			set:  "ghcr.io/acme/api:v2",
			want: "api:\n  image: ghcr.io/acme/api:v2\n",
		},
		{
			name: "image and tag", file: "values.yaml",
			src:  "api:\n  image: ghcr.io/acme/api\n  tag: v1\nold:\n  image: ghcr.io/acme/api\n  imageTag: v1\n",
			set:  "ghcr.io/acme/api:v2",
			want: "api:\n  image: ghcr.io/acme/api\n  tag: v2\nold:\n  image: ghcr.io/acme/api\n  imageTag: v2\n",
		},
		{
			name: "repository and image", file: "values.yaml",
			src: "gpu:\n  repository: nvcr.io/nvidia\n  image: driver\n  tag: v1\n",
			set: "driver:v2 nvcr.io/nvidia:v2",
		},
		{
			name: "a chart's repository is none", file: "values.yaml",
			src: "repository: https://charts.acme.io\ntag: v1\nimage: {repository: '{{ .x }}', tag: v1}\n",
			set: "charts.acme.io:v2",
		},
		{
			name: "HelmRelease", file: "release.yaml",
			src:  "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image: {repository: a, tag: v1}\n    sidecar: {image: a:v1}\n",
			set:  "a:v2",
			want: "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image: {repository: a, tag: v2}\n    sidecar: {image: a:v2}\n",
		},
		{
			name: "rename over registry and repository", file: "values.yaml",
			src:  "image:\n  registry: docker.io\n  repository: bitnami/nginx\n  tag: v1\n",
			set:  "bitnami/nginx=ghcr.io/acme/nginx:v2",
			want: "image:\n  registry: ghcr.io\n  repository: acme/nginx\n  tag: v2\n",
			once: true,
		},
		{
			name: "rename to Docker Hub", file: "values.yaml",
			src:  "image:\n  registry: ghcr.io\n  repository: acme/nginx\n  tag: v1\n",
			set:  "ghcr.io/acme/nginx=nginx:v2",
			want: "image:\n  registry: docker.io\n  repository: nginx\n  tag: v2\n",
			once: true,
		},
		{
			name: "rename over repository", file: "values.yaml",
			src:  "image:\n  repository: nginx\n  tag: v1\n",
			set:  "nginx=ghcr.io/acme/nginx:v2",
			want: "image:\n  repository: ghcr.io/acme/nginx\n  tag: v2\n",
			once: true,
		},
		{
			name: "variable in the tag", file: "values.yaml",
			src: "image:\n  repository: nginx\n  tag: ${TAG}\n",
			set: "nginx:v2", refused: "is no tag",
		},
		{
			name: "tag is no scalar", file: "values.yaml",
			src: "image:\n  repository: nginx\n  tag: [v1]\n",
			set: "nginx:v2",
		},
	}
}

func fieldSamples() []sample {
	at := func(fields ...manifest.Field) manifest.Options { return manifest.Options{Fields: fields} }
	return []sample{
		{
			name: "tag", file: "values.yaml",
			src:  "server:\n  version: 1.2.3 # api\nversion: 1.2.3\n",
			set:  "ghcr.io/acme/api:1.2.4",
			opt:  at(manifest.Field{Path: "server.version", Name: "ghcr.io/acme/api"}),
			want: "server:\n  version: 1.2.4 # api\nversion: 1.2.3\n",
		},
		{
			name: "another image", file: "values.yaml",
			src: "server:\n  version: 1.2.3\n",
			set: "ghcr.io/acme/api:1.2.4",
			opt: at(manifest.Field{Path: "server.version", Name: "ghcr.io/acme/web"}),
		},
		{
			name: "in a list, quoted key", file: "values.yaml",
			src:  "images:\n- \"a.b/c\": 'v1'\n",
			set:  "x:v2",
			opt:  at(manifest.Field{Path: `images[0]["a.b/c"]`, Name: "x"}),
			want: "images:\n- \"a.b/c\": 'v2'\n",
		},
		{
			name: "item of a list", file: "values.yaml",
			src:  "- v1\n- v1\n",
			set:  "x:v2",
			opt:  at(manifest.Field{Path: "[1]", Name: "x"}),
			want: "- v1\n- v2\n",
		},
		{
			name: "whole reference", file: "values.yaml",
			src:  "env:\n  API_IMAGE: docker.io/acme/api:v1\n",
			set:  "acme/api:v2",
			opt:  at(manifest.Field{Path: "env.API_IMAGE", Name: "acme/api"}),
			want: "env:\n  API_IMAGE: docker.io/acme/api:v2\n",
		},
		{
			name: "tag and digest", file: "values.yaml",
			src: "a:\n  tag: v1\n  digest: <A>\n",
			set: "x:v2@<B>",
			opt: at(manifest.Field{Path: "a.tag", Name: "x"}, manifest.Field{Path: "a.digest", Name: "x"}),

			want: "a:\n  tag: v2\n  digest: <B>\n",
			once: true,
		},
		{
			name: "sha", file: "values.yaml",
			src:  "sha: <a>\n",
			set:  "x:v2@<B>",
			opt:  at(manifest.Field{Path: "sha", Name: "x"}),
			want: "sha: <b>\n",
		},
		{
			name: "digest is refused", file: "values.yaml",
			src:     "a:\n  tag: v1\n  digest: <A>\n",
			set:     "x:v2",
			opt:     at(manifest.Field{Path: "a.tag", Name: "x"}, manifest.Field{Path: "a.digest", Name: "x"}),
			refused: "--digest-policy",
		},
		{
			name: "value", file: "values.yaml",
			src:  "a: {b: v1}\n",
			opt:  at(manifest.Field{Path: "a.b", Value: "0123"}),
			want: "a: {b: \"0123\"}\n",
			once: true,
		},
		{
			name: "value with spaces", file: "values.yaml",
			src:  "a: {b: v1}\n",
			opt:  at(manifest.Field{Path: "a.b", Value: "x: y, z"}),
			want: "a: {b: \"x: y, z\"}\n",
			once: true,
		},
		{
			name: "value that is there", file: "values.yaml",
			src: "a: {b: v1}\n",
			opt: at(manifest.Field{Path: "a.b", Value: "v1"}),
		},
		{
			name: "value over an image that a shape finds", file: "values.yaml",
			src:  "image: {repository: nginx, tag: v1}\n",
			opt:  at(manifest.Field{Path: "image.tag", Value: "v2"}),
			want: "image: {repository: nginx, tag: v2}\n",
			once: true,
		},
		{
			name: "value that cannot be written", file: "values.yaml",
			src: "a: {b: v1}\n",
			opt: at(manifest.Field{Path: "a.b", Value: "a\nb"}), refused: "cannot be written",
		},
		{
			name: "the same scalar as a shape", file: "values.yaml",
			src:  "image: {repository: nginx, tag: v1}\n",
			set:  "nginx:v2",
			opt:  at(manifest.Field{Path: "image.tag", Name: "nginx"}),
			want: "image: {repository: nginx, tag: v2}\n",
		},
		{
			name: "value over an escaped quote", file: "values.yaml",
			src: "a: 'it'''\n",
			opt: at(manifest.Field{Path: "a", Value: "v1"}), refused: "with escapes",
		},
		{
			name: "value in a list without one", file: "values.yaml",
			src: "a:\n-\n",
			opt: at(manifest.Field{Path: "a[0]", Value: "v1"}), refused: "no value to replace",
		},
		{
			name: "value over a null with an anchor", file: "values.yaml",
			src: "a: &x\nb: *x\n",
			opt: at(manifest.Field{Path: "a", Value: "v1"}), refused: "no value to replace",
		},
		{
			name: "missing", file: "values.yaml",
			src: "a: {b: v1}\n",
			opt: at(manifest.Field{Path: "a.c", Value: "v1"}), refused: "there is no field",
		},
		{
			name: "a mapping", file: "values.yaml",
			src: "a: {b: v1}\n",
			opt: at(manifest.Field{Path: "a", Value: "v1"}), refused: "not a plain value",
		},
		{
			name: "in two documents", file: "values.yaml",
			src: "a: v1\n---\na: v1\n",
			opt: at(manifest.Field{Path: "a", Value: "v2"}), refused: "more than one document",
		},
		{
			name: "malformed path", file: "values.yaml",
			src: "a: v1\n",
			opt: at(manifest.Field{Path: "a..b", Value: "v2"}), refused: "want a key",
		},
		{
			name: "a key twice on the way", file: "values.yaml",
			src: "a: {b: v1}\na: {b: v1}\n",
			opt: at(manifest.Field{Path: "a.b", Value: "v2"}), refused: "there twice",
		},
	}
}

func allSamples() []sample {
	var all []sample
	for _, group := range [][]sample{kustomizeSamples(), addSamples(), containerSamples(), helmSamples(), fieldSamples(), trapSamples(),
		fluxSamples(), argoSamples(), textSamples(), markerSamples(), hubSamples(), createSamples(), suffixSamples()} {
		for _, s := range group {
			all = append(all, s.expand())
		}
	}
	return all
}

func TestSet(t *testing.T) {
	t.Parallel()
	for _, s := range allSamples() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			check(t, s)
		})
	}
}

// check makes the edit of a sample and compares. An edit is made again, which must
// change nothing, and undone, which must restore the file.
func check(t *testing.T, s sample) {
	t.Helper()
	src := []byte(s.src)
	out, edits, err := manifest.Set(s.fileName(), src, parseSettings(t, s.set), s.opt)
	if string(src) != s.src {
		t.Fatal("Set changed its input")
	}
	if s.refused != "" {
		checkRefused(t, s, out, edits, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := s.want
	if want == "" {
		want = s.src
	}
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if (len(edits) == 0) != (s.want == "") {
		t.Errorf("edits: %+v", edits)
	}
	checkSpans(t, s.src, out, edits)
	again, edits2, err := manifest.Set(s.fileName(), out, parseSettings(t, s.set), s.opt)
	if err != nil || string(again) != string(out) || len(edits2) != 0 {
		t.Errorf("the same edit again: %v, %d edits\n%s", err, len(edits2), again)
	}
	if s.want != "" && !s.once {
		checkBack(t, s, out, edits)
	}
}

func checkRefused(t *testing.T, s sample, out []byte, edits []manifest.Edit, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q; got\n%s", s.refused, out)
	}
	var problem *manifest.Problem
	if !errors.As(err, &problem) || problem.File != s.fileName() {
		t.Errorf("error is no Problem of the file: %v", err)
	}
	if !strings.Contains(err.Error(), s.refused) {
		t.Errorf("error %q, want %q in it", err, s.refused)
	}
	if out != nil || edits != nil {
		t.Errorf("a refused edit gave %q, %v", out, edits)
	}
}

// checkBack bumps to the version that was there before.
func checkBack(t *testing.T, s sample, out []byte, edits []manifest.Edit) {
	t.Helper()
	var settings []image.Setting
	for _, edit := range edits {
		settings = append(settings, image.Setting{Match: edit.New.Name, New: image.Reference{
			Name: edit.New.Name, Tag: edit.Image.Tag, Digest: edit.Image.Digest,
		}})
	}
	back, _, err := manifest.Set(s.fileName(), out, settings, s.opt)
	if err != nil {
		t.Fatalf("back: %v", err)
	}
	if diff := cmp.Diff(s.src, string(back)); diff != "" {
		t.Errorf("back (-want +got):\n%s", diff)
	}
}

func TestSetReturnsTheSourceItself(t *testing.T) {
	t.Parallel()
	src := []byte("image: nginx:v1\n")
	out, edits, err := manifest.Set("x.yaml", src, parseSettings(t, "nginx:v1"), manifest.Options{})
	if err != nil || edits != nil || &out[0] != &src[0] {
		t.Errorf("Set = %q, %v, %v; want the source itself", out, edits, err)
	}
}

func TestSetRefusesMalformedSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []image.Setting{
		{},
		{Match: "nginx", New: image.Reference{Name: "nginx"}},
		{Match: "nginx", New: image.Reference{Name: "nginx", Tag: "a b"}},
		{Match: "nginx", New: image.Reference{Name: "nginx", Digest: "sha256:abc"}},
		{New: image.Reference{Name: "nginx", Tag: "v1"}},
	} {
		out, _, err := manifest.Set("x.yaml", []byte("image: nginx:v1\n"), []image.Setting{setting}, manifest.Options{})
		if err == nil || out != nil {
			t.Errorf("Set with %+v = %q, want an error", setting, out)
		}
	}
}

// TestSetReportsAll wants every reason at once.
func TestSetReportsAll(t *testing.T) {
	t.Parallel()
	src := strings.ReplaceAll("a: {image: nginx:v1@<A>}\nb: {image: \"\\x61pp:v1\"}\nc: {repository: web, tag: $X}\n", "<A>", shaA)
	_, _, err := manifest.Set("x.yaml", []byte(src), parseSettings(t, "nginx:v2 app:v2 web:v2"), manifest.Options{
		Fields: []manifest.Field{{Path: "z", Value: "v1"}},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"x.yaml: there is no field", "x.yaml:1:18:", "x.yaml:2:12:", "x.yaml:3:27:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}
