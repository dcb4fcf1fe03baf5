package bump

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/getpawl/pawl/pkg/manifest"
)

// result is what came of setting the versions in one file.
type result struct {
	file  File
	out   []byte
	edits []manifest.Edit
	err   error
}

// setFiles sets the versions in the files and surveys them. A survey parses every
// file once more, and mostly finds what the edits show as well: the images are
// there, and have versions. So the edits come first, made as if that was known.
func setFiles(files []File, request Request) (*survey, []result, error) {
	files = concerned(files, request)
	var bare bareNames
	results := setAll(files, request, bare.keep(request))
	if s := surveyEdits(results, request); s != nil && bare.versionedIn(s) {
		return s, results, nil
	}
	s, err := surveyFiles(files, request)
	if err != nil {
		return nil, nil, err
	}
	if len(s.files) < len(files) || !bare.versionedIn(s) {
		results = setAll(s.files, request, s.keepBare)
	}
	return s, results, nil
}

// bareNames are the names without a version that settings match.
type bareNames struct {
	mu    sync.Mutex
	found []manifest.Found
}

// keep leaves every such name alone, and takes note of it.
func (b *bareNames) keep(request Request) func(manifest.Found) bool {
	return func(ref manifest.Found) bool {
		if slices.ContainsFunc(request.Settings, ref.Matches) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.found = append(b.found, ref)
		}
		return true
	}
}

// versionedIn says whether it was right to leave all of them alone.
func (b *bareNames) versionedIn(s *survey) bool {
	return !slices.ContainsFunc(b.found, func(ref manifest.Found) bool { return !s.keepBare(ref) })
}

func concerned(files []File, request Request) []File {
	var those []File
	for _, file := range files {
		if request.concerns(file.Path, file.Content) {
			those = append(those, file)
		}
	}
	return those
}

// concerns says whether a file can hold something to edit. Most files cannot, and
// are neither kept nor parsed. The names of the settings must be resolved.
func (r Request) concerns(path string, content []byte) bool {
	return manifest.Mentions(content, r.Settings) || r.Add && manifest.IsKustomization(path) || len(fieldsFor(path, r)) > 0
}

// setAll sets the versions in several files at a time.
func setAll(files []File, request Request, keepBare func(manifest.Found) bool) []result {
	results := make([]result, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				results[i] = set(files[i], request, keepBare)
			}
		})
	}
	workers.Wait()
	return results
}

func set(file File, request Request, keepBare func(manifest.Found) bool) result {
	out, edits, err := manifest.Set(file.Path, file.Content, request.Settings, manifest.Options{
		Add: request.Add, Create: request.Create, Digest: request.Digests,
		Fields: fieldsFor(file.Path, request), KeepBare: keepBare,
	})
	return result{file, out, edits, err}
}

// surveyEdits returns what the edits show of the files, or nil when that is not
// enough: a file could not be edited, or an image was not.
func surveyEdits(results []result, request Request) *survey {
	if request.Add {
		return nil // an entry that was added is no reference that was found
	}
	s := &survey{seen: map[int]bool{}, versioned: map[string]bool{}}
	for _, result := range results {
		if result.err != nil {
			return nil
		}
		for _, edit := range result.edits {
			if edit.Kind != manifest.Explicit {
				s.note([]manifest.Found{edit.Found}, request)
			}
		}
	}
	for i := range request.Settings {
		if !s.seen[i] {
			return nil
		}
	}
	return s
}
