package manifest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
			want: []manifest.Watch{{File: "f.yaml", Line: 8, Kind: "Application", Name: "a", URL: "u", Revision: "r", Path: "p"}},
		},
		"several sources": {
			src:  "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n  - {repoURL: u, path: p}\n  - {repoURL: v, targetRevision: r}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 5, Kind: "Application", URL: "u", Path: "p"}, {File: "f.yaml", Line: 6, Kind: "Application", URL: "v", Revision: "r"}},
		},
		"another's Application": {src: "apiVersion: app.k8s.io/v1beta1\nkind: Application\nspec: {source: {repoURL: u}}\n"},
		"GitRepository": {
			src:  "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: n, namespace: s}\nspec: {url: u, ref: {branch: b}}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "GitRepository", Name: "n", URL: "u", Revision: "b", Key: "s/n"}},
		},
		"GitRepository without a branch": {
			src:  "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: n, namespace: s}\nspec: {url: u}\n",
			want: []manifest.Watch{{File: "f.yaml", Line: 4, Kind: "GitRepository", Name: "n", URL: "u", Revision: "master", Key: "s/n"}},
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

func TestReadWorkflow(t *testing.T) {
	t.Parallel()
	const head = "\njobs:\n  a:\n    steps:\n    - uses: actions/checkout@v5\n      with:\n        ref: ${{ github.head_ref }}\n"
	const bump = "\njobs:\n  a:\n    steps:\n    - run: pawl bump x:1 --push\n"
	for src, want := range map[string]manifest.Workflow{
		"on: pull_request" + head:                                     {},
		"on: pull_request_target" + head:                              {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: [push, pull_request_target]" + head:                      {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: {pull_request_target: {types: [opened]}}" + head:         {ForeignCode: []manifest.JobLine{{Line: 7, Job: "a"}}},
		"on: push" + bump:                                             {},
		"on: push\nconcurrency: x" + bump:                             {Serialized: []manifest.JobLine{{Line: 2, Job: "a"}}},
		"on: push" + bump + "    concurrency: {group: x}\n":           {Serialized: []manifest.JobLine{{Line: 6, Job: "a"}}},
		"on: push\nconcurrency: x\njobs: {a: {steps: [{run: make}]}}": {},
		"jobs: none": {},
		"":           {},
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
