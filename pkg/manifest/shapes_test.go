package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// put returns a sample whose source and result are one text with the versions put
// in, so that neither can be a slip of the other.
func put(name, file, text, set, from, to string) sample {
	return sample{name: name, file: file, src: strings.ReplaceAll(text, hole, from), set: set, want: strings.ReplaceAll(text, hole, to)}
}

const (
	fluxKustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n"
	helmRelease       = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n"
	application       = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web\n"
)

func fluxSamples() []sample {
	return []sample{
		put("images of a Flux Kustomization", "apps.yaml", fluxKustomization+"spec:\n  images:\n    - name: web # c\n      newName: ghcr.io/acme/web\n      newTag: §\n    - name: api\n      newTag: v1\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		put("images of a Flux Kustomization, digest", "apps.yaml", fluxKustomization+"spec:\n  images:\n  - {name: web, newTag: v1, digest: '§'}\n", "web:v1@<B>", "<A>", "<B>"),
		{
			name: "images of a Flux Kustomization, no tag", file: "apps.yaml",
			src:  fluxKustomization + "spec:\n  images:\n  - name: web\n  path: ./x\n",
			set:  "web:v2",
			want: fluxKustomization + "spec:\n  images:\n  - name: web\n    newTag: v2\n  path: ./x\n", once: true,
		},
		{
			name: "images elsewhere in a Flux Kustomization", file: "apps.yaml",
			src: fluxKustomization + "spec:\n  postBuild:\n    images:\n    - name: web\n      newTag: v1\n",
			set: "web:v2",
		},
		put("patch of a Flux Kustomization", "apps.yaml", fluxKustomization+"spec:\n  patches:\n    - patch: |\n        apiVersion: apps/v1\n        kind: Deployment\n        spec:\n          template:\n            spec:\n              containers:\n                - name: web\n                  image: web:§ # c\n      target:\n        kind: Deployment\n", "web:v2", "v1", "v2"),
		put("images of a post renderer", "web.yaml", helmRelease+"spec:\n  postRenderers:\n    - kustomize:\n        images:\n          - name: web\n            newTag: \"§\"\n", "web:1.10", "1.9", "1.10"),
		put("patch of a post renderer", "web.yaml", helmRelease+"spec:\n  postRenderers:\n    - kustomize:\n        patches:\n          - patch: |-\n              - op: replace\n                path: /spec/template/spec/containers/0/image\n                value: web:§\n", "web:v2", "v1", "v2"),
		put("HelmRelease, tag with digest", "web.yaml", helmRelease+"spec:\n  values:\n    controllers:\n      web:\n        containers:\n          app:\n            image:\n              repository: ghcr.io/acme/web\n              tag: §\n", "ghcr.io/acme/web:1.3@<B>", "1.2@<A>", "1.3@<B>"),
		put("HelmRelease, string", "web.yaml", helmRelease+"spec:\n  values:\n    image: ghcr.io/acme/web:§ # {\"$imagepolicy\": \"flux-system:web\"}\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		{
			name: "HelmRelease, valuesFrom", file: "web.yaml",
			src: helmRelease + "spec:\n  valuesFrom:\n    - kind: ConfigMap\n      name: web\n      valuesKey: image.tag\n",
			set: "web:v2",
		},
	}
}

func argoSamples() []sample {
	source := func(text string) string {
		return application + "spec:\n  source:\n" + text
	}
	set := "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  template:\n    spec:\n      source:\n"
	return []sample{
		put("images, tag", "app.yaml", source("    kustomize:\n      images:\n        - ghcr.io/acme/web:§\n        - ghcr.io/acme/api:v1\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("images, new name", "app.yaml", source("    kustomize:\n      images:\n        - web=ghcr.io/acme/web:§ # c\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("images, by the old name", "app.yaml", source("    kustomize:\n      images:\n        - 'web=ghcr.io/acme/web:§'\n"), "web:v2", "v1", "v2"),
		put("images, digest", "app.yaml", source("    kustomize:\n      images: [web@§, \"api=acme/api@§\"]\n"), "web@<B> acme/api@<B>", "<A>", "<B>"),
		put("images, folded", "app.yaml", source("    kustomize:\n      images:\n        - >-\n          web=ghcr.io/acme/web:§\n        - >-\n          api=ghcr.io/acme/api:v1\n    path: x\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("images of several sources", "app.yaml", application+"spec:\n  sources:\n    - kustomize:\n        images:\n          - web:§\n    - kustomize: {images: [\"web:§\"]}\n", "web:v2", "v1", "v2"),
		put("images of an ApplicationSet", "app.yaml", set+"        kustomize:\n          images:\n            - web:§\n", "web:v2", "v1", "v2"),
		{
			name: "images, rename", file: "app.yaml",
			src:  source("    kustomize:\n      images:\n        - web:v1\n        - api=acme/api:v1\n"),
			set:  "web=ghcr.io/acme/web:v2 acme/api=ghcr.io/acme/api:v2",
			want: source("    kustomize:\n      images:\n        - web=ghcr.io/acme/web:v2\n        - api=ghcr.io/acme/api:v2\n"), once: true,
		},
		{
			name: "images, no version", file: "app.yaml",
			src:  source("    kustomize:\n      images:\n        - web=ghcr.io/acme/web\n"),
			set:  "ghcr.io/acme/web:v2",
			want: source("    kustomize:\n      images:\n        - web=ghcr.io/acme/web:v2\n"), once: true,
		},
		{
			name: "images, digest is refused", file: "app.yaml",
			src: source("    kustomize:\n      images:\n        - web=ghcr.io/acme/web:v1@<A>\n"),
			set: "ghcr.io/acme/web:v2", refused: "app.yaml:9:32: \"ghcr.io/acme/web\" is pinned to",
		},
		{
			name: "images, a template", file: "app.yaml",
			src: set + "        kustomize:\n          images:\n            - 'web:{{ .tag }}'\n            - web=ghcr.io/acme/web:{{tag}}\n",
			set: "web:v2 ghcr.io/acme/web:v2",
		},
		{
			name: "images elsewhere", file: "app.yaml",
			src: "apiVersion: acme.io/v1\nkind: Thing\nspec:\n  source:\n    kustomize:\n      images: [web:v1]\n",
			set: "web:v2",
		},
		put("parameters", "app.yaml", source("    helm:\n      parameters:\n        - name: image.repository\n          value: ghcr.io/acme/web\n        - name: image.tag\n          value: \"§\" # c\n        - name: replicas\n          value: \"3\"\n"), "ghcr.io/acme/web:1.10", "1.9", "1.10"),
		put("parameters, several images", "app.yaml", source("    helm:\n      parameters:\n        - {name: web.image.tag, value: §}\n        - {name: api.image.tag, value: v1}\n        - {name: api.image.repository, value: api}\n        - {name: web.image.registry, value: ghcr.io}\n        - {name: web.image.repository, value: acme/web, forceString: true}\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("parameters, whole", "app.yaml", source("    helm:\n      parameters:\n        - name: image\n          value: ghcr.io/acme/web:§\n        - value: 'ghcr.io/acme/web:§'\n          name: web.image\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("parameters, image and tag", "app.yaml", source("    helm:\n      parameters:\n        - name: web.image\n          value: ghcr.io/acme/web\n        - name: web.tag\n          value: §\n"), "ghcr.io/acme/web:v2", "v1", "v2"),
		put("parameters, digest", "app.yaml", source("    helm:\n      parameters:\n        - name: image.name\n          value: web\n        - name: image.digest\n          value: §\n        - name: image.tag\n          value: v1\n"), "web:v1@<B>", "<A>", "<B>"),
		{
			name: "parameters, a number", file: "app.yaml",
			src:  source("    helm:\n      parameters:\n        - {name: image.repository, value: web}\n        - {name: image.tag, value: 1.9}\n"),
			set:  "web:1.10",
			want: source("    helm:\n      parameters:\n        - {name: image.repository, value: web}\n        - {name: image.tag, value: \"1.10\"}\n"), once: true,
		},
		{
			name: "parameters, tag alone", file: "app.yaml",
			src: source("    helm:\n      parameters:\n        - name: image.tag\n          value: v1\n        - name: api.image.repository\n          value: web\n"),
			set: "web:v2",
		},
		{
			name: "parameters, twice", file: "app.yaml",
			src: source("    helm:\n      parameters:\n        - {name: image.repository, value: web}\n        - {name: image.tag, value: v1}\n        - {name: image.tag, value: v1}\n"),
			set: "web:v2", refused: "the parameter \"image.tag\" is there twice",
		},
		put("overrides of a source", "apps/.argocd-source-web.yaml", "kustomize:\n  images:\n  - web:§\nhelm:\n  parameters:\n  - name: image.name\n    value: web\n    forcestring: true\n  - name: image.tag\n    value: §\n    forcestring: true\n", "web:v2", "v1", "v2"),
		{
			name: "overrides in another file", file: "apps/argocd-source-web.yaml",
			src: "kustomize:\n  images:\n  - web:v1\n",
			set: "web:v2",
		},
		put("valuesObject", "app.yaml", source("    helm:\n      valuesObject:\n        image: {repository: web, tag: §}\n        sidecar:\n          image: web:§\n"), "web:v2", "v1", "v2"),
		put("values", "app.yaml", source("    helm:\n      values: |\n        # é\n        image:\n          repository: web\n          tag: § # c\n\n        sidecar:\n          image: web:§\n    path: x\n"), "web:v2", "v1", "v2"),
		put("values of an ApplicationSet", "app.yaml", set+"        helm:\n          values: |-\n            name: '{{name}}'\n            image: {repository: web, tag: '§'}\n", "web:v2", "v1", "v2"),
		{
			name: "values of an ApplicationSet, a template", file: "app.yaml",
			src: set + "        helm:\n          values: |-\n            {{ if .x }}\n            image: web:v1\n            {{ end }}\n",
			set: "web:v2", refused: "the text names \"web\" and cannot be read: it is a template",
		},
		{
			name: "values of an ApplicationSet, another template", file: "app.yaml",
			src:  set + "        helm:\n          values: |-\n            {{ if .x }}\n            image: api:v1\n            {{ end }}\n        kustomize: {images: ['web:v1']}\n",
			set:  "web:v2",
			want: set + "        helm:\n          values: |-\n            {{ if .x }}\n            image: api:v1\n            {{ end }}\n        kustomize: {images: ['web:v2']}\n",
		},
	}
}

// textSamples are YAML in a text.
func textSamples() []sample {
	const container = "spec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: web:§\n"
	indented := func(n int, text string) string {
		return strings.ReplaceAll(strings.Repeat(" ", n)+strings.TrimSuffix(text, "\n"), "\n", "\n"+strings.Repeat(" ", n)) + "\n"
	}
	return []sample{
		put("strategic patch", "", "patches:\n- patch: |-\n"+indented(4, container)+"  target:\n    kind: Deployment\n", "web:v2", "v1", "v2"),
		put("strategic patch, indented a lot", "", "patches:\n  - target: {kind: Deployment}\n    patch: |\n"+indented(11, container), "web:v2", "v1", "v2"),
		put("strategic patches in a list", "", "patchesStrategicMerge:\n- a.yaml\n- |-\n"+indented(2, container)+"- |\n"+indented(5, container), "web:v2", "v1", "v2"),
		put("JSON patch in a text", "", "patchesJson6902:\n- target: {kind: Deployment, name: web, version: v1}\n  patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/image\n      value: web:§\n", "web:v2", "v1", "v2"),
		put("JSON patch in JSON", "", "patches:\n- patch: '[{\"op\": \"replace\", \"path\": \"/spec/image\", \"value\": \"web:§\"}]'\n", "web:v2", "v1", "v2"),
		put("JSON patch in JSON, plain", "", "patches:\n- patch: |-\n    [\n      {\"op\": \"replace\", \"path\": \"/spec/image\", \"value\": \"web:§\"}\n    ]\n", "web:v2", "v1", "v2"),
		put("patch of a component", "base/component.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- patch: |-\n"+indented(4, container), "web:v2", "v1", "v2"),
		put("several documents in a text", "", "patchesStrategicMerge:\n- |-\n  # first\n  ---\n"+indented(2, container)+"  ---\n"+indented(2, container), "web:v2", "v1", "v2"),
		put("patch and images", "", "images:\n- name: web\n  newTag: §\npatches:\n- patch: |-\n"+indented(4, container)+"# end\n", "web:v2", "v1", "v2"),
		put("blank lines in a text", "", "patches:\n- patch: |-\n\n    # c\n\n    spec:\n        \n      image: web:§\n\n\nnamespace: x\n", "web:v2", "v1", "v2"),
		put("text that keeps its line breaks", "", "patches:\n- patch: |+\n    spec:\n      image: web:§\n\n\nnamespace: x\n", "web:v2", "v1", "v2"),
		put("indentation indicator", "", "patches:\n- patch: |2-\n      spec:\n        image: web:§\n", "web:v2", "v1", "v2"),
		put("letters before the version", "", "# ü\npatches:\n- patch: | # ß\n    # 日本\n    metadata: {name: é}\n    spec: {ö: \"😀\", image: \"web:§\"}\n", "web:v2", "v1", "v2"),
		put("text with an anchor", "", "x: &p |\n  y: z\npatches:\n- patch: &q |-\n    spec: {image: web:§}\n- path: x\n", "web:v2", "v1", "v2"),
		put("text with an anchor elsewhere", "", "x: &p |-\n  spec: {image: web:§}\npatches:\n- patch: *p\n- patch: *p\n", "web:v2", "v1", "v2"),
		put("anchors in a text", "", "patches:\n- patch: |-\n    spec:\n      image: &i web:§\n      b: {image: *i}\n", "web:v2", "v1", "v2"),
		put("version of another length", "", "patches:\n- patch: |-\n    spec: {image: web:§, a: web:v1x}\n- patch: |-\n    spec: {image: web:§}\n", "web:v2.0.0", "v1", "v2.0.0"),
		{
			name: "a number in a text",
			src:  "patches:\n- patch: |-\n    spec: {repository: web, tag: v1}\n",
			set:  "web:1.10",
			want: "patches:\n- patch: |-\n    spec: {repository: web, tag: \"1.10\"}\n", once: true,
		},
		{
			name: "a digest is dropped in a text",
			src:  "patches:\n- patch: |-\n    spec: {image: web:v1@<A>}\n",
			set:  "web:v2", opt: manifest.Options{Digest: manifest.Drop},
			want: "patches:\n- patch: |-\n    spec: {image: web:v2}\n", once: true,
		},
		{
			name: "a digest in a text is refused",
			src:  "patches:\n- patch: |-\n    spec:\n      image: web:v1@<A>\n",
			set:  "web:v2", refused: "kustomization.yaml:4:18: \"web\" is pinned to",
		},
		{
			name: "folded text",
			src:  "patches:\n- patch: >-\n    spec:\n      image: web:v1\n",
			set:  "web:v2", refused: "kustomization.yaml:2:10: it cannot be changed byte by byte: it is in a text whose lines are folded or escaped",
		},
		{
			name: "folded text that names another image",
			src:  "images: [{name: web, newTag: v1}]\npatches:\n- patch: >-\n    spec:\n      image: api:v1\n",
			set:  "web:v2",
			want: "images: [{name: web, newTag: v2}]\npatches:\n- patch: >-\n    spec:\n      image: api:v1\n",
		},
		{
			name: "escaped text",
			src:  "patches:\n- patch: \"spec:\\n  image: web:v1\\n\"\n",
			set:  "web:v2", refused: "folded or escaped",
		},
		{
			name: "text in double quotes",
			src:  "patches:\n- patch: \"spec: {image: web:v1}\"\n",
			set:  "web:v2",
			want: "patches:\n- patch: \"spec: {image: web:v2}\"\n",
		},
		{
			name: "quotes in a text in double quotes",
			src:  "patches:\n- patch: \"spec: {repository: web, tag: v1}\"\n",
			set:  "web:1.10", refused: "the edit is not safe",
		},
		{
			name: "tab in a text",
			src:  "patches:\n- patch: |-\n    spec:\n    \timage: web:v1\n",
			set:  "web:v2", refused: "the text names \"web\" and cannot be read",
		},
		{
			name: "text that is no YAML",
			src:  "patches:\n- patch: |-\n    spec: {image: web:v1\n",
			set:  "web:v2", refused: "kustomization.yaml:2:10: the text names \"web\" and cannot be read: it is not valid YAML",
		},
		{
			name: "a key twice in a text",
			src:  "patches:\n- patch: |-\n    spec:\n      image: web:v1\n      image: web:v1\n",
			set:  "web:v2", refused: "there twice",
		},
		{
			name: "a key twice around a text",
			src:  "patches:\n- patch: |-\n    spec: {image: web:v1}\n  patch: |-\n    spec: {image: web:v1}\n",
			set:  "web:v2", refused: "there twice",
		},
		{
			name: "a text in a text",
			src:  "patches:\n- patch: |-\n    apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    spec:\n      patches:\n      - patch: |-\n          spec: {image: web:v1}\n",
			set:  "web:v2",
		},
		{
			name: "status in a text",
			src:  "patches:\n- patch: |-\n    kind: Pod\n    apiVersion: v1\n    status: {image: web:v1}\n",
			set:  "web:v2",
		},
		{
			name: "patches of something else", file: "x.yaml",
			src: "apiVersion: acme.io/v1\nkind: Thing\npatches:\n- patch: |-\n    spec: {image: web:v1}\n",
			set: "web:v2",
		},
		{
			name: "data of a ConfigMap", file: "x.yaml",
			src: "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.yaml: |\n    image: web:v1\n",
			set: "web:v2",
		},
		{
			name: "data of a ConfigMap that is named", file: "x.yaml",
			src:  "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.yaml: |\n    server:\n      # c\n      version: v1\n",
			set:  "web:v2",
			opt:  manifest.Options{Fields: []manifest.Field{{Path: `data["app.yaml"].server.version`, Name: "web"}}},
			want: "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.yaml: |\n    server:\n      # c\n      version: v2\n",
		},
		{
			name: "values of a HelmChart of k3s", file: "x.yaml",
			src:  "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |-\n    image:\n      repository: web\n      tag: v1\n",
			set:  "web:v2",
			want: "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |-\n    image:\n      repository: web\n      tag: v2\n",
		},
		{
			name: "a key is missing in a text", file: "x.yaml",
			src:  "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.yaml: |\n    server:\n      name: web\n    client: x\n",
			opt:  manifest.Options{Create: true, Fields: []manifest.Field{{Path: `data["app.yaml"].server.version`, Value: "v2"}}},
			want: "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.yaml: |\n    server:\n      name: web\n      version: v2\n    client: x\n", once: true,
		},
	}
}

func markerSamples() []sample {
	const whole, tag, name, digest = ` # {"$imagepolicy": "flux-system:web"}`, ` # {"$imagepolicy": "flux-system:web:tag"}`, ` # {"$imagepolicy": "flux-system:web:name"}`, ` # {"$imagepolicy": "flux-system:web:digest"}`
	return []sample{
		put("whole reference under another key", "x.yaml", "worker:\n  container: ghcr.io/acme/web:§"+whole+"\nother: ghcr.io/acme/web:v1\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		put("whole reference in a list", "x.yaml", "args:\n- ghcr.io/acme/web:§"+whole+"\n- ghcr.io/acme/web:v1\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		put("mark without a space", "x.yaml", "worker: 'web:§' #{\"$imagepolicy\": \"flux-system:web\"}\n", "web:v2", "v1", "v2"),
		put("mark with spaces", "x.yaml", "worker: web:§   #  { \"$imagepolicy\" :\"flux-system:web\" } \n", "web:v2", "v1", "v2"),
		put("environment variable", "x.yaml", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - env:\n    - name: WORKER\n      value: web:§"+whole+"\n", "web:v2", "v1", "v2"),
		put("name and tag", "x.yaml", "x:\n  img: ghcr.io/acme/web"+name+"\n  version: §"+tag+"\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		put("name, tag and digest", "x.yaml", "x:\n  img: web"+name+"\n  version: v1"+tag+"\n  sum: '§'"+digest+"\n", "web:v1@<B>", "<A>", "<B>"),
		put("tag, name from the same policy elsewhere", "x.yaml", "image: ghcr.io/acme/web:§"+whole+"\nversion: §"+tag+"\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		{
			name: "digest, name from elsewhere", file: "x.yaml",
			src:  "image: web:v1@<A>" + whole + "\nsum: <A>" + digest + "\n",
			set:  "web:v1@<B>",
			want: "image: web:v1@<B>" + whole + "\nsum: <B>" + digest + "\n", once: true,
		},
		put("what a shape finds has a mark", "x.yaml", "image:\n  repository: web"+name+"\n  tag: §"+tag+"\n", "web:v2", "v1", "v2"),
		put("entry of a kustomization with a mark", "", "images:\n- name: web\n  newName: ghcr.io/acme/web"+name+"\n  newTag: §"+tag+"\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		{
			name: "tag alone", file: "x.yaml",
			src: "version: v1" + tag + "\n",
			set: "web:v2",
		},
		{
			name: "tag alone, named as a field", file: "x.yaml",
			src:  "version: v1" + tag + "\n",
			set:  "web:v2",
			opt:  manifest.Options{Fields: []manifest.Field{{Path: "version", Name: "web"}}},
			want: "version: v2" + tag + "\n",
		},
		{
			name: "one policy, two images", file: "x.yaml",
			src:  "a: web:v1" + whole + "\nb: api:v1" + whole + "\nversion: v1" + tag + "\n",
			set:  "web:v2",
			want: "a: web:v2" + whole + "\nb: api:v1" + whole + "\nversion: v1" + tag + "\n",
		},
		{
			name: "one policy, two tags in one place", file: "x.yaml",
			src: "x:\n  img: web" + name + "\n  a: v1" + tag + "\n  b: v1" + tag + "\n",
			set: "web:v2", refused: "two marks of one policy",
		},
		{
			name: "digest is refused", file: "x.yaml",
			src: "worker: web:v1@<A>" + whole + "\n",
			set: "web:v2", refused: "is pinned to",
		},
		{
			name: "rename", file: "x.yaml",
			src:  "x:\n  img: web" + name + "\n  version: v1" + tag + "\n",
			set:  "web=ghcr.io/acme/web:v2",
			want: "x:\n  img: ghcr.io/acme/web" + name + "\n  version: v2" + tag + "\n", once: true,
		},
		{
			name: "a tag that is none", file: "x.yaml",
			src: "x:\n  img: web" + name + "\n  version: ${V}" + tag + "\n",
			set: "web:v2", refused: "is no tag",
		},
		{
			name: "another mark", file: "x.yaml",
			src: "worker: web:v1 # {\"$other\": \"flux-system:web\"}\nb: web:v1 # {\"$imagepolicy\": \"web\"}\nc: web:v1 # {\"$imagepolicy\": \"a:b:c\"}\n",
			set: "web:v2",
		},
		{
			name: "a mark above", file: "x.yaml",
			src: "# {\"$imagepolicy\": \"flux-system:web\"}\nworker: web:v1\n",
			set: "web:v2",
		},
		{
			name: "a mark behind an alias", file: "x.yaml",
			src: "a: &a web:v1\nworker: *a" + whole + "\n",
			set: "web:v2",
		},
	}
}

func hubSamples() []sample {
	return []sample{
		put("hub, image and tag", "values.yaml", "pilot:\n  hub: docker.io/istio\n  image: pilot\n  tag: §\n", "istio/pilot:1.29.1", "1.29.0", "1.29.1"),
		put("hub, image with a slash", "values.yaml", "pilot:\n  hub: gcr.io/istio\n  image: acme/pilot\n  tag: §\n", "acme/pilot:1.29.1", "1.29.0", "1.29.1"),
		{
			name: "hub and tag without an image", file: "values.yaml",
			src: "global:\n  hub: docker.io/istio\n  tag: 1.29.0\n",
			set: "istio/pilot:1.29.1 docker.io/istio:1.29.1",
		},
		{
			name: "hub and tag as fields", file: "values.yaml",
			src:  "global:\n  hub: docker.io/istio\n  tag: 1.29.0\n",
			set:  "istio/pilot:1.29.1",
			opt:  manifest.Options{Fields: []manifest.Field{{Path: "global.tag", Name: "docker.io/istio/pilot"}}},
			want: "global:\n  hub: docker.io/istio\n  tag: 1.29.1\n",
		},
		{
			name: "empty hub", file: "values.yaml",
			src: "pilot:\n  hub: \"\"\n  tag: 1.29.0\n  image: pilot\n",
			set: "pilot:1.29.1",
		},
		{
			name: "hub, rename", file: "values.yaml",
			src:  "pilot: {hub: docker.io/istio, image: pilot, tag: 1.29.0}\n",
			set:  "istio/pilot=ghcr.io/acme/mesh/pilot:1.29.1",
			want: "pilot: {hub: ghcr.io/acme/mesh, image: pilot, tag: 1.29.1}\n", once: true,
		},
		put("name and tag below image", "values.yaml", "web:\n  image:\n    name: ghcr.io/acme/web\n    tag: §\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		put("name and tag below another image", "values.yaml", "proxyImage: {registry: ghcr.io, name: acme/web, tag: '§'}\n", "ghcr.io/acme/web:v2", "v1", "v2"),
		{
			name: "name and tag elsewhere", file: "values.yaml",
			src: "release:\n  name: web\n  tag: v1\n",
			set: "web:v2",
		},
		put("Fabrikate", "hld/config/common.yaml", "config:\n  image:\n    repository: acme.azurecr.io/web\n    tag: §\nsubcomponents:\n  api:\n    config:\n      image: {repository: acme.azurecr.io/web, tag: \"§\"}\n", "acme.azurecr.io/web:v2", "v1", "v2"),
		{
			name: "Fabrikate component", file: "component.yaml",
			src: "name: web\nsubcomponents:\n- name: nginx\n  source: https://github.com/acme/nginx\n  branch: v1\n",
			set: "nginx:v2 web:v2",
		},
		{
			name: "Fabrikate component, branch as a field", file: "component.yaml",
			src:  "name: web\nsubcomponents:\n- name: nginx\n  source: https://github.com/acme/nginx\n  branch: v1\n",
			opt:  manifest.Options{Fields: []manifest.Field{{Path: "subcomponents[0].branch", Value: "v2"}}},
			want: "name: web\nsubcomponents:\n- name: nginx\n  source: https://github.com/acme/nginx\n  branch: v2\n", once: true,
		},
	}
}

func createSamples() []sample {
	create := func(fields ...manifest.Field) manifest.Options { return manifest.Options{Create: true, Fields: fields} }
	return []sample{
		{
			name: "key is created", file: "values.yaml",
			src:  "a:\n  b: c # d\n  # e\nf: g\n",
			opt:  create(manifest.Field{Path: "a.version", Value: "1.10"}),
			want: "a:\n  b: c # d\n  version: \"1.10\"\n  # e\nf: g\n", once: true,
		},
		{
			name: "key is created for an image", file: "values.yaml",
			src:  "a:\n    b: {c: [d]}\n",
			set:  "web:v2",
			opt:  create(manifest.Field{Path: "a.version", Name: "web"}),
			want: "a:\n    b: {c: [d]}\n    version: v2\n", once: true,
		},
		{
			name: "keys are created", file: "values.yaml",
			src:  "r:\n  a:\n    b:\n",
			opt:  create(manifest.Field{Path: "r.a.v", Value: "x"}, manifest.Field{Path: `r.a["1.0"]`, Value: "w"}, manifest.Field{Path: "r.z", Value: "z"}),
			want: "r:\n  a:\n    b:\n    v: x\n    \"1.0\": w\n  z: z\n", once: true,
		},
		{
			name: "key is created after a list", file: "values.yaml",
			src:  "a:\n  b:\n  - c\n  - d: [e,\n      f]\n  - g: h\ni: j\n",
			opt:  create(manifest.Field{Path: "a.k", Value: "l"}),
			want: "a:\n  b:\n  - c\n  - d: [e,\n      f]\n  - g: h\n  k: l\ni: j\n", once: true,
		},
		{
			name: "key that is there", file: "values.yaml",
			src:  "a: {b: c}\n",
			opt:  create(manifest.Field{Path: "a.b", Value: "d"}),
			want: "a: {b: d}\n", once: true,
		},
		{
			name: "key in a flow mapping", file: "values.yaml",
			src: "a: {b: c}\n",
			opt: create(manifest.Field{Path: "a.d", Value: "e"}), refused: "there is no field",
		},
		{
			name: "key in a mapping that is missing", file: "values.yaml",
			src: "a: b\n",
			opt: create(manifest.Field{Path: "c.d", Value: "e"}), refused: "there is no field",
		},
		{
			name: "key in an empty mapping", file: "values.yaml",
			src: "a:\nb: {}\n",
			opt: create(manifest.Field{Path: "b.d", Value: "e"}), refused: "there is no field",
		},
		{
			name: "item in a list", file: "values.yaml",
			src: "a:\n- b\n",
			opt: create(manifest.Field{Path: "a[1]", Value: "e"}), refused: "there is no field",
		},
		{
			name: "key twice", file: "values.yaml",
			src: "a:\n  b: c\n",
			opt: create(manifest.Field{Path: "a.d", Value: "e"}, manifest.Field{Path: `a["d"]`, Value: "f"}), refused: "there is no field",
		},
		{
			name: "key after a block", file: "values.yaml",
			src: "a:\n  b: |\n    c\n    d\n",
			opt: create(manifest.Field{Path: "a.e", Value: "f"}), refused: "cannot be changed byte by byte",
		},
		{
			name: "key in two documents", file: "values.yaml",
			src: "a:\n  b: c\n---\na:\n  b: c\n",
			opt: create(manifest.Field{Path: "a.d", Value: "e"}), refused: "there is no field",
		},
		{
			name: "key without the option", file: "values.yaml",
			src: "a:\n  b: c\n",
			opt: manifest.Options{Fields: []manifest.Field{{Path: "a.d", Value: "e"}}}, refused: "there is no field",
		},
	}
}

func suffixSamples() []sample {
	return []sample{
		{
			name: "tagSuffix alone",
			src:  "images:\n- name: nginx\n  tagSuffix: -debug\n",
			set:  "nginx:v2", refused: "tagSuffix",
		},
		{
			name: "tagSuffix alone, the tag ends in it",
			src:  "images:\n- name: nginx\n  tagSuffix: -debug\n",
			set:  "nginx:v2-debug",
			want: "images:\n- name: nginx\n  newTag: v2-debug\n  tagSuffix: -debug\n", once: true,
		},
		{
			name: "tagSuffix alone, the tag ends in it, pinned",
			src:  "images:\n- name: nginx\n  tagSuffix: -debug\n",
			set:  "nginx:v2-debug@<B>",
			want: "images:\n- name: nginx\n  newTag: v2-debug\n  digest: <B>\n  tagSuffix: -debug\n", once: true,
		},
		{
			name: "tagSuffix alone, a digest",
			src:  "images:\n- name: nginx\n  tagSuffix: -debug\n",
			set:  "nginx@<B>", refused: "tagSuffix",
		},
		put("several entries for one image", "", "images:\n- name: nginx\n  newTag: §\n- name: docker.io/library/nginx\n  newTag: \"§\"\n- name: proxy\n  newName: nginx\n  newTag: §\n", "nginx:v2", "v1", "v2"),
	}
}

// TestKinds wants images to be called what they are.
func TestKinds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]manifest.Kind{
		helmRelease + "spec: {values: {image: a:v1}}\n":                                                                                                  manifest.Helm,
		helmRelease + "spec: {postRenderers: [{kustomize: {images: [{name: a, newTag: v1}]}}]}\n":                                                        manifest.Kustomize,
		application + "spec: {source: {helm: {valuesObject: {image: a:v1}}}}\n":                                                                          manifest.Helm,
		application + "spec: {source: {helm: {values: 'image: a:v1'}}}\n":                                                                                manifest.Helm,
		application + "spec: {source: {helm: {parameters: [{name: image, value: 'a:v1'}]}}}\n":                                                           manifest.Helm,
		application + "spec: {source: {kustomize: {images: ['a:v1']}}}\n":                                                                                manifest.Kustomize,
		fluxKustomization + "spec: {images: [{name: a, newTag: v1}]}\n":                                                                                  manifest.Kustomize,
		fluxKustomization + "spec: {patches: [{patch: 'spec: {image: a:v1}'}]}\n":                                                                        manifest.Container,
		"apiVersion: acme.io/v1\nkind: App\nspec: {values: {image: a:v1}}\n":                                                                             manifest.Container,
		"x: a:v1 # {\"$imagepolicy\": \"x:y\"}\n":                                                                                                        manifest.Marker,
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {source: {kustomize: {images: ['a:v1']}}}}\n": manifest.Kustomize,
	} {
		found, err := manifest.Find("x.yaml", []byte(text))
		if err != nil || len(found) != 1 || found[0].Kind != want {
			t.Errorf("%s: %+v, %v, want kind %s", text, found, err, want)
		}
	}
}

// TestFindInTexts wants the places of the file, and paths that [manifest.ParsePath]
// reads.
func TestFindInTexts(t *testing.T) {
	t.Parallel()
	src := "\uFEFF# é\nx:\n- &a\n  patch: nothing\npatches:\n- patch: |-\n    # ü\n    spec:\n      é: {image: \"web:v1\"}\n" +
		"- patch: '[{op: add, path: /x/image, value: api:v1}]'\n- patch: >-\n    spec:\n      image: db:v1\n"
	got, err := manifest.Find("kustomization.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	want := []manifest.Found{
		{Kind: manifest.Container, Path: "patches[0].patch.spec.é.image", Line: 9, Column: 23, Image: image.Reference{Name: "web", Tag: "v1"}},
		{Kind: manifest.Container, Path: "patches[1].patch[0].value", Line: 10, Column: 49, Image: image.Reference{Name: "api", Tag: "v1"}},
		{Kind: manifest.Container, Path: "patches[2].patch.spec.image", Line: 11, Column: 10, Image: image.Reference{Name: "db", Tag: "v1"}},
	}
	for i := range want {
		want[i].File = "kustomization.yaml"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// checkSpans wants the edits to say which bytes they changed, and into what: with all
// others as they were, that must give the result.
func checkSpans(t rapid.TB, src string, out []byte, edits []manifest.Edit) {
	t.Helper()
	var spans []manifest.Span
	for _, edit := range edits {
		if !slices.Contains(edit.Spans, edit.Span) {
			t.Errorf("%+v is none of its own spans", edit)
		}
		for _, span := range edit.Spans {
			if !slices.Contains(spans, span) { // or it is shared with another edit
				spans = append(spans, span)
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b manifest.Span) int { return a.Start - b.Start })
	rest, done := string(out), 0
	for len(spans) > 0 {
		kept := src[done:spans[0].Start]
		// Of several keys that were added in one place, any may come first.
		i := slices.IndexFunc(spans, func(s manifest.Span) bool {
			return s.Start == spans[0].Start && strings.HasPrefix(rest, kept+s.Text)
		})
		if i < 0 {
			t.Errorf("%+v is not where the spans say, or more was changed:\n%s", spans[0], out)
			return
		}
		rest, done = rest[len(kept+spans[i].Text):], spans[i].End
		spans = slices.Delete(spans, i, i+1)
	}
	if rest != src[done:] {
		t.Errorf("more was changed than the spans say:\n%s", out)
	}
}

func TestIncidental(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		".github/workflows/ci.yaml": true, "sub/.github/workflows/ci.yml": true, ".gitlab-ci.yml": true, "a/.gitlab-ci.yaml": true,
		"docker-compose.yml": true, "deploy/docker-compose.prod.yaml": true, "compose.yaml": true, "compose.override.yml": true, "docker-compose-dev.yml": true,
		".tekton/push.yaml": true, ".woodpecker.yml": true, ".circleci/config.yml": true, "Docker-Compose.yml": true, "azure-pipelines.yml": true,
		"base/deployment.yaml": false, "apps/compose/kustomization.yaml": false, "workflows/ci.yaml": false, "composer.yaml": false,
		"github/workflows/ci.yaml": false, ".github/README.md": false, "tekton/pipeline.yaml": false, "docker-compose": false,
	} {
		if got := manifest.Incidental(file); got != want {
			t.Errorf("Incidental(%q) = %v", file, got)
		}
	}
}
