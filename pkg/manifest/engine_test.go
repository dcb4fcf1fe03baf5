package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/getpawl/pawl/pkg/manifest"
)

func TestWatches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		src  string
		want []manifest.Watch
	}{
		"nothing": {src: "kind: ConfigMap\n"},
		"Application": {
			src:  "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  source:\n    repoURL: u\n    path: p\n    targetRevision: r\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 8, Kind: "Application", Name: "a", URL: "u", Revision: "r", Path: "p", Field: "spec.source.targetRevision"}},
		},
		"several sources": {
			src:  "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n  - {repoURL: u, path: p}\n  - {repoURL: v, targetRevision: r}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 5, Kind: "Application", URL: "u", Path: "p", Field: "spec.sources[].targetRevision"}, {File: "f.yaml", Line: 6, Kind: "Application", URL: "v", Revision: "r", Field: "spec.sources[].targetRevision"}},
		},
		"another's Application": {src: "apiVersion: app.k8s.io/v1beta1\nkind: Application\nspec: {source: {repoURL: u}}\n"},
		"GitRepository": {
			src:  "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: n, namespace: s}\nspec: {url: u, ref: {branch: b}}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "GitRepository", Name: "n", URL: "u", Revision: "b", Key: "s/n", Field: "spec.ref.branch"}},
		},
		"GitRepository without a branch": {
			src:  "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: n, namespace: s}\nspec: {url: u}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "GitRepository", Name: "n", URL: "u", Revision: "master", Key: "s/n", Field: "spec.ref.branch"}},
		},
		"sources win over a source": {
			src:  "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source: {repoURL: u, targetRevision: r}\n  sources:\n  - {repoURL: v, targetRevision: s}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 6, Kind: "Application", URL: "v", Revision: "s", Field: "spec.sources[].targetRevision"}},
		},
		"a branch that is filled in":     {src: "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {repoURL: u, targetRevision: '${BRANCH}', path: p}}\n"},
		"a repository that is filled in": {src: "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {repoURL: '${REPO}', targetRevision: r, path: p}}\n"},
		"a folder that is filled in": {
			src:  "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {repoURL: u, targetRevision: r, path: 'p/${APP}'}}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 3, Kind: "Application", URL: "u", Revision: "r", Path: "p/${APP}", Pattern: true, Field: "spec.source.targetRevision"}},
		},
		"GitRepository at a commit of a branch": {
			src:  "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: n, namespace: s}\nspec: {url: u, ref: {branch: b, commit: c, tag: t}}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "GitRepository", Name: "n", URL: "u", Revision: "c", Key: "s/n", Field: "spec.ref.branch"}},
		},
		"Kustomization of Flux": {
			src:  "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: k, namespace: s}\nspec: {path: ./p, sourceRef: {kind: GitRepository, name: n}}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "Kustomization", Name: "k", Path: "./p", Source: "s/n"}},
		},
		"Kustomization of a bucket": {src: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {sourceRef: {kind: Bucket, name: n}}\n"},
	} {
		got, err := manifest.Watches("f.yaml", []byte(test.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := manifest.Watches("f.yaml", []byte("a: [")); err == nil {
		t.Error("no error")
	}
}

// set is an ApplicationSet of its two halves.
func set(generators, template string) string {
	indented := func(text, by string) string {
		return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
	}
	return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set}\nspec:\n" + indented(generators, "  ") +
		"  template:\n    metadata: {name: '{{name}}'}\n    spec:\n" + indented(template, "      ")
}

func TestWatchesOfApplicationSets(t *testing.T) {
	t.Parallel()
	const (
		list     = "generators:\n- list: {elements: [{env: staging}]}"
		git      = "generators:\n- git:\n    repoURL: u\n    revision: r\n    directories:\n    - path: staging/*\n    - {path: staging/old, exclude: true}"
		files    = "git: {repoURL: u, revision: r, files: [{path: 'clusters/**/config.json'}]}"
		literal  = "source: {repoURL: u, targetRevision: r, path: staging/api}"
		template = "spec.template.spec.source.targetRevision"
		reads    = "spec.generators[].git.revision"
	)
	deploys := func(path string, pattern bool) manifest.Watch {
		return manifest.Watch{URL: "u", Revision: "r", Path: path, Pattern: pattern, Field: template}
	}
	lists := func(path string) manifest.Watch {
		return manifest.Watch{URL: "u", Revision: "r", Path: path, Pattern: true, Field: reads}
	}
	for name, test := range map[string]struct {
		src  string
		want []manifest.Watch
	}{
		"all is written out":           {src: set(list, literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"no generators here":           {src: set("goTemplate: true", literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"a generator without settings": {src: set("generators: [{clusters: {}}]", literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"a generator with a selector":  {src: set("generators:\n- clusters: {}\n  selector: {matchLabels: {env: staging}}", literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"a generator with a selector and a template": {src: set("generators:\n- clusters: {template: {spec: {source: {targetRevision: dev}}}}\n  selector: {matchLabels: {env: staging}}", literal),
			want: []manifest.Watch{{URL: "u", Revision: "dev", Path: "staging/api", Field: "spec.generators[].clusters.template.spec.source.targetRevision"}}},
		"the branch is generated":                       {src: set(list, "source: {repoURL: u, targetRevision: '{{branch}}', path: staging}")},
		"the repository is generated":                   {src: set(list, "source: {repoURL: '{{.url}}', targetRevision: r, path: staging}")},
		"the folder is generated":                       {src: set(list, "source: {repoURL: u, targetRevision: r, path: 'apps/{{.env}}'}"), want: []manifest.Watch{deploys("apps/{{.env}}", true)}},
		"of a Helm chart":                               {src: set(list, "source: {repoURL: u, targetRevision: r, path: 'apps/{{`{{.env}}`}}'}"), want: []manifest.Watch{deploys("apps/{{`{{.env}}`}}", true)}},
		"folders of a Git generator":                    {src: set(git, "source: {repoURL: u, targetRevision: r, path: '{{path}}'}"), want: []manifest.Watch{lists("staging/*"), deploys("staging/*", true)}},
		"in a Go template":                              {src: set(git, "source: {repoURL: u, targetRevision: r, path: '{{ .path.path }}'}"), want: []manifest.Watch{lists("staging/*"), deploys("staging/*", true)}},
		"under another name":                            {src: set(git+"\n    pathParamPrefix: app", "source: {repoURL: u, targetRevision: r, path: '{{ .app.path.path }}'}"), want: []manifest.Watch{lists("staging/*"), deploys("{{ .app.path.path }}", true)}},
		"files of a Git generator":                      {src: set("generators:\n- "+files, "source: {repoURL: u, targetRevision: r, path: '{{path}}'}"), want: []manifest.Watch{lists("clusters/**/config.json"), deploys("{{path}}", true)}},
		"a Git generator of a branch that is filled in": {src: set("generators:\n- git: {repoURL: u, revision: '{{branch}}', directories: [{path: staging}]}", "source: {repoURL: '{{url}}'}")},
		"a matrix":                                      {src: set("generators:\n- matrix:\n    generators:\n    - "+files+"\n    - clusters: {}", literal), want: []manifest.Watch{lists("clusters/**/config.json"), deploys("staging/api", false)}},
		"a merge within a matrix": {src: set("generators:\n- matrix:\n    generators:\n    - clusters: {}\n    - merge:\n        mergeKeys: [server]\n        generators:\n        - "+files, literal),
			want: []manifest.Watch{lists("clusters/**/config.json"), deploys("staging/api", false)}},
		"several sources": {src: set(list, "sources:\n- {repoURL: u, targetRevision: r, path: staging}\n- {repoURL: v, targetRevision: 1.0.0, chart: c}"), want: []manifest.Watch{
			{URL: "u", Revision: "r", Path: "staging", Field: "spec.template.spec.sources[].targetRevision"},
			{URL: "v", Revision: "1.0.0", Field: "spec.template.spec.sources[].targetRevision"}}},
		"a generator's own template": {src: set("generators:\n- list:\n    elements: [{env: dev}]\n    template:\n      metadata: {}\n      spec: {source: {targetRevision: dev, path: dev}}\n- list: {elements: [{env: staging}]}", literal),
			want: []manifest.Watch{{URL: "u", Revision: "dev", Path: "dev", Field: "spec.generators[].list.template.spec.source.targetRevision"}, deploys("staging/api", false)}},
		"a patch of other things":         {src: set(list+"\ntemplatePatch: |\n  spec: {syncPolicy: {automated: {prune: {{.prune}}}}}", literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"a patch of the source":           {src: set(git+"\ntemplatePatch: |\n  spec: {source: {targetRevision: {{.branch}}}}", literal), want: []manifest.Watch{lists("staging/*")}},
		"no template":                     {src: "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec: {generators: [{list: {}}]}\n"},
		"nothing that is a list":          {src: "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec: {generators: {git: {repoURL: u}}, template: []}\n"},
		"another's kind of that name":     {src: "apiVersion: example.com/v1\nkind: ApplicationSet\nspec: {template: {spec: {source: {repoURL: u, path: p}}}}\n"},
		"the same from every generator":   {src: set(list+"\n- clusters: {}", literal), want: []manifest.Watch{deploys("staging/api", false)}},
		"nothing in place of a generator": {src: set("generators:\n- clusters:", literal), want: []manifest.Watch{deploys("staging/api", false)}},
	} {
		got, err := manifest.Watches("f.yaml", []byte(test.src))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, test.src)
		}
		for i := range got {
			if got[i].Kind != "ApplicationSet" || got[i].File != "f.yaml" || got[i].Line < 4 {
				t.Errorf("%s: %+v", name, got[i])
			}
		}
		ignored := cmpopts.IgnoreFields(manifest.Watch{}, "File", "Line", "Kind", "Name")
		if diff := cmp.Diff(test.want, got, ignored); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestReadWorkflow(t *testing.T) {
	t.Parallel()
	const head = "\njobs:\n  a:\n    steps:\n    - uses: actions/checkout@v5\n      with:\n        ref: ${{ github.head_ref }}\n"
	const bump = "\njobs:\n  a:\n    steps:\n    - run: pawl bump x:1 --push\n"
	for src, want := range map[string]manifest.Workflow{
		"on: pull_request" + head:                                           {},
		"on: pull_request_target" + head:                                    {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: [push, pull_request_target]" + head:                            {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: {pull_request_target: {types: [opened]}}" + head:               {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: push" + bump:                                                   {},
		"on: push\nconcurrency: x" + bump:                                   {Serialized: []manifest.JobLine{{Line: 2, Job: "a"}}},
		"on: push" + bump + "    concurrency: {group: x}\n":                 {Serialized: []manifest.JobLine{{Line: 6, Job: "a"}}},
		"on: push\nconcurrency: x\njobs: {a: {steps: [{run: make}]}}":       {},
		"on: push\npermissions: write-all" + bump:                           {WriteAll: []manifest.JobLine{{Line: 2, Job: "a"}}},
		"on: push" + bump + "    permissions: write-all\n":                  {WriteAll: []manifest.JobLine{{Line: 6, Job: "a"}}},
		"on: push\npermissions: write-all" + bump + "    permissions: {}\n": {},
		"on: push\npermissions: read-all" + bump:                            {},
		"jobs: none":                                                        {},
		"":                                                                  {},
	} {
		got, err := manifest.ReadWorkflow("w.yaml", []byte(src))
		if err != nil {
			t.Errorf("%q: %v", src, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", src, diff)
		}
	}
	if _, err := manifest.ReadWorkflow("w.yaml", []byte("a: [")); err == nil {
		t.Error("no error")
	}
}
