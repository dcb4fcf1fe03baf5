package bump

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// pieces are files that an edit treats in different ways.
var pieces = map[string]string{
	"kustomization": "images:\n  - name: acme/api\n    newTag: 1.0.0\n  - name: acme/web\n    newTag: 1.0.0\n",
	"is there":      "images:\n  - name: acme/api\n    newTag: 1.1.0\n",
	"renamed":       "images:\n  - name: placeholder\n    newName: acme/api\n    newTag: 1.0.0\n",
	"renamed, bare": "images:\n  - name: acme/api\n    newName: acme/other\n",
	"other":         "images:\n  - name: acme/other\n    newTag: 1.0.0\n",
	"pod":           "kind: Pod\nspec:\n  containers:\n    - image: acme/api:1.0.0\n    - image: acme/web\n",
	"bare pod":      "kind: Pod\nspec:\n  containers:\n    - image: acme/api\n",
	"values":        "image:\n  repository: acme/api\n  tag: \"\"\n",
	"pinned":        "image: acme/web:1.0.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	"template":      "image: {{ acme/api\n",
	"mention":       "metadata:\n  labels:\n    app: api\n",
	"field":         "server:\n  version: 1.0.0\n",
	"nothing":       "kind: ConfigMap\n",
}

// Making the edits first gives what a survey before them would have led to.
func TestEditsFirstAreTheEditsAfterASurvey(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(pieces))
	for name := range pieces {
		names = append(names, name)
	}
	settings := []string{"acme/api:1.1.0", "acme/web:1.1.0", "acme/api=acme/other:1.1.0", "acme/none:1.0.0", "placeholder=acme/api:2.0.0"}
	rapid.Check(t, func(t *rapid.T) {
		var files []File
		for i, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 6).Draw(t, "files") {
			base := "file.yaml"
			if name == "field" {
				base = "field.yaml"
			} else if rapid.Bool().Draw(t, "kustomization") {
				base = "kustomization.yaml"
			}
			files = append(files, file(fmt.Sprintf("%d/%s", i, base), pieces[name]))
		}
		request := Request{
			Add:            rapid.Bool().Draw(t, "add"),
			SkipUnreadable: rapid.Bool().Draw(t, "skip"),
			Images:         []config.Image{{Name: "x", Repository: "acme/api", Fields: []config.Field{{File: "*/field.yaml", Path: "server.version"}}}},
		}
		for _, arg := range rapid.SliceOfNDistinct(rapid.SampledFrom(settings), 1, 3, rapid.ID[string]).Draw(t, "settings") {
			s, err := image.ParseSetting(arg)
			if err != nil {
				t.Fatal(err)
			}
			request.Settings = append(request.Settings, s)
		}
		wantSurvey, wantResults, wantErr := afterSurvey(files, request)
		survey, results, err := setFiles(files, request)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("the error is\n%v\nwant\n%v", err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(wantSurvey.seen, survey.seen); diff != "" {
			t.Errorf("images seen: %s", diff)
		}
		if diff := cmp.Diff(wantSurvey.skipped, survey.skipped); diff != "" {
			t.Errorf("files skipped: %s", diff)
		}
		if diff := cmp.Diff(outcomes(wantResults), outcomes(results), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

// A version in a field says nothing about the names that stand alone elsewhere.
func TestFieldsDoNotVersionBareNames(t *testing.T) {
	t.Parallel()
	files := []File{file("field.yaml", pieces["field"]), file("pod.yaml", pieces["bare pod"])}
	plan, err := Compute(files, Request{
		Settings: []image.Setting{setting(t, "acme/api:1.1.0")},
		Images:   []config.Image{{Name: "x", Repository: "acme/api", Fields: []config.Field{{File: "field.yaml", Path: "server.version"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"field.yaml", "pod.yaml"}, plan.Files); diff != "" {
		t.Error(diff)
	}
}

// afterSurvey is setFiles as it could be without regard to what it costs.
func afterSurvey(files []File, request Request) (*survey, []result, error) {
	s, err := surveyFiles(concerned(files, request), request)
	if err != nil {
		return nil, nil, err
	}
	return s, setAll(s.files, request, s.keepBare), nil
}

// outcomes are the results that say something.
func outcomes(results []result) map[string]string {
	all := map[string]string{}
	for _, r := range results {
		switch {
		case r.err != nil:
			all[r.file.Path] = r.err.Error()
		case len(r.edits) > 0:
			all[r.file.Path] = fmt.Sprint(string(r.out), changesOf(r.edits, nil))
		}
	}
	return all
}

// An edit is there for every file at its place, however many are made at a time.
func TestSetAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var files []File
	for i := range 300 {
		files = append(files, file(fmt.Sprint(i), fmt.Sprintf("image: acme/api:1.0.%d\n", i)))
	}
	results := setAll(files, Request{Settings: []image.Setting{setting(t, "acme/api:2.0.0")}}, func(manifest.Found) bool { return true })
	for i, r := range results {
		if r.err != nil || r.file.Path != files[i].Path || len(r.edits) != 1 || r.edits[0].Image.Tag != fmt.Sprintf("1.0.%d", i) {
			t.Fatalf("result %d is for %s: %v, %v", i, r.file.Path, r.edits, errors.Join(r.err))
		}
	}
}
