package promotion

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
)

func TestReached(t *testing.T) {
	t.Parallel()
	to := config.Environment{Name: "staging", Paths: []string{"base/**", "charts/**"}}
	for name, test := range map[string]struct {
		paths      []string
		references map[string][]string
		want       []string
		followed   bool
	}{
		"overlay, base, component, patch": {
			paths: []string{"base/a.yaml", "base/b.yaml", "base/kustomization.yaml", "comp/kustomization.yaml", "comp/x.yaml",
				"overlays/production/kustomization.yaml", "overlays/production/p.yaml", "overlays/staging/kustomization.yaml", "overlays/staging/p.yaml"},
			references: map[string][]string{
				"overlays/staging/kustomization.yaml":    {"base", "comp", "overlays/staging/p.yaml"},
				"overlays/production/kustomization.yaml": {"base", "overlays/production/p.yaml"},
				"base/kustomization.yaml":                {"base/a.yaml"},
				"comp/kustomization.yaml":                {"comp/x.yaml"},
			},
			want: []string{"base/a.yaml", "base/kustomization.yaml", "comp/kustomization.yaml", "comp/x.yaml",
				"overlays/staging/kustomization.yaml", "overlays/staging/p.yaml"},
			followed: true,
		},
		"a folder per application": {
			paths:      []string{"apps/api/overlays/staging/kustomization.yaml", "apps/web/overlays/dev/kustomization.yaml", "apps/web/overlays/dev/x.yaml"},
			references: map[string][]string{"apps/api/overlays/staging/kustomization.yaml": nil, "apps/web/overlays/dev/kustomization.yaml": nil},
			want:       []string{"apps/api/overlays/staging/kustomization.yaml"},
			followed:   true,
		},
		"a loop": {
			paths:      []string{"base/kustomization.yaml", "staging/kustomization.yaml"},
			references: map[string][]string{"staging/kustomization.yaml": {"base"}, "base/kustomization.yaml": {"staging", "."}},
			want:       []string{"base/kustomization.yaml", "staging/kustomization.yaml"},
			followed:   true,
		},
		"a folder without kustomization": {
			paths:      []string{"manifests/a.yaml", "manifests/deep/b.yaml", "manifests2/c.yaml", "staging/kustomization.yaml"},
			references: map[string][]string{"staging/kustomization.yaml": {"manifests"}},
			want:       []string{"manifests/a.yaml", "manifests/deep/b.yaml", "staging/kustomization.yaml"},
			followed:   true,
		},
		"no overlay: where images are": {
			paths: []string{"README.md", "base/a.yaml", "base/kustomization.yaml"}, references: map[string][]string{"base/kustomization.yaml": nil},
			want: []string{"base/a.yaml", "base/kustomization.yaml"},
		},
		"values files": {
			paths: []string{"charts/api/values-production.yaml", "charts/api/values-staging.yaml", "envs/staging.yaml", "other/stagingx.yaml"},
			want:  []string{"charts/api/values-production.yaml", "charts/api/values-staging.yaml", "envs/staging.yaml"},
		},
		"charts beside an overlay": {
			paths:      []string{"base/kustomization.yaml", "base/unused.yaml", "charts/web/values.yaml", "staging/kustomization.yaml"},
			references: map[string][]string{"staging/kustomization.yaml": {"base"}, "base/kustomization.yaml": nil},
			want:       []string{"base/kustomization.yaml", "charts/web/values.yaml", "staging/kustomization.yaml"},
			followed:   true,
		},
		"what is referred to is gone": {
			paths: []string{"staging/kustomization.yaml"}, references: map[string][]string{"staging/kustomization.yaml": {"base", "gone.yaml"}},
			want: []string{"staging/kustomization.yaml"}, followed: true,
		},
	} {
		if !slices.IsSorted(test.paths) {
			t.Fatalf("%s: paths are not sorted", name)
		}
		used, followed := reached(to, test.paths, test.references)
		var got []string
		for _, file := range test.paths {
			if used[file] {
				got = append(got, file)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" || followed != test.followed || len(used) != len(got) {
			t.Errorf("%s: followed %v, used %v (-want +got)\n%s", name, followed, used, diff)
		}
	}
}

func TestDiffering(t *testing.T) {
	t.Parallel()
	file := func(path, blob string) git.File { return git.File{Path: path, Mode: 0o100644, Blob: blob} }
	before := []git.File{file("a", "1"), file("b", "1"), file("d", "1"), file("e", "1")}
	after := []git.File{file("b", "1"), file("c", "1"), file("d", "2"), {Path: "e", Mode: 0o100755, Blob: "1"}, file("f", "1")}
	var got []string
	for _, change := range differing(before, after) {
		got = append(got, change.kind+" "+change.path)
	}
	if diff := cmp.Diff([]string{"removed a", "added c", "changed d", "changed e", "added f"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompareHidesSecrets(t *testing.T) {
	t.Parallel()
	for text, secret := range map[string]bool{
		"kind: Secret\ndata: {a: b}\n":                                   true,
		`{"kind": "Secret", "data": {}}`:                                 true,
		"secretGenerator: [{name: x}]\n":                                 true,
		"sops:\n  mac: x\n":                                              true,
		"env:\n  - {name: A, value: x}\n  password: hunter2\n":           true,
		"apiToken: abc\n":                                                true,
		"api_key=abc\n":                                                  true,
		"-----BEGIN PRIVATE KEY-----\n":                                  true,
		"kind: Deployment\nimagePullSecrets: [{name: regcred}]\n":        false,
		"valueFrom: {secretKeyRef: {name: db, key: pw}}\n":               false,
		"kind: ExternalSecret\nspec: {}\n":                               false,
		"kind: SealedSecret\nspec: {encryptedData: {}}\n":                false,
		"automountServiceAccountToken: false\nsecretName: certificate\n": true, // by the first key: rather hidden than shown
	} {
		var change fileChange
		change.compare(nil, []byte(text))
		if change.secret != secret {
			t.Errorf("%q: secret is %v", text, change.secret)
		}
		p := promotion(0, 1, "x")
		change.path, change.reaches = "a.yaml", true
		p.page.files = []fileChange{change, {path: "b.yaml", reaches: true, diff: []string{"+b"}}}
		if shown := diffSection(p); strings.Contains(shown, strings.Split(text, "\n")[0]) == secret {
			t.Errorf("%q is shown, or is not:\n%s", text, shown)
		}
	}
}

func TestDiffSectionIsBounded(t *testing.T) {
	t.Parallel()
	p := promotion(0, 1, "x")
	for i := range 20 {
		change := fileChange{path: fmt.Sprintf("%02d.yaml", i), reaches: true}
		change.compare(nil, []byte(strings.Repeat("a: b\n", 10*(i+1))))
		p.page.files = append(p.page.files, change)
	}
	shown := diffSection(p)
	if n := strings.Count(shown, "\n+"); n > diffTotal || n < diffTotal/2 {
		t.Errorf("%d lines are shown", n)
	}
	if !strings.Contains(shown, "because they are long: 15 files.") {
		t.Errorf("the rest is not counted:\n%s", shown)
	}
	var large fileChange
	large.compare(nil, make([]byte, maxDiffBytes+1))
	if large.counted || large.diff != nil {
		t.Error("a large file is compared")
	}
}
