package promotion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
	"github.com/getpawl/pawl/pkg/output"
)

// Rendered is what changes in the objects that kustomize builds for an environment.
type Rendered struct {
	Overlays []string         `json:"overlays"` // the folders that were built
	Objects  []RenderedObject `json:"objects"`
}

// RenderedObject is one object that changes.
type RenderedObject struct {
	Overlay   string   `json:"overlay"`
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Change    string   `json:"change"` // added, removed or changed
	Diff      []string `json:"diff"`   // the lines of a unified diff, without headings; secrets are hidden
}

// The bounds of a build.
const (
	maxExported   = 20_000    // files
	maxExportSize = 256 << 20 // bytes of them
	maxBuilt      = 64 << 20  // bytes that kustomize prints
	maxBuiltFor   = time.Minute
	maxOverlays   = 50
)

// render builds the environment's overlays at both commits and compares the
// objects. The program is the kustomize binary and not its library, because the
// library would make pawl larger by half.
func (c contents) render(ctx context.Context, program string, env config.Environment, p *Promotion) (*Rendered, error) {
	sides := [2][]git.File{}
	var all []git.File
	for i, commit := range []string{p.Before, p.Commit} {
		files, err := c.objects.Files(commit, func(file string) bool { return p.page.used[file] })
		if err != nil {
			return nil, err
		}
		sides[i] = files
		all = append(all, files...)
	}
	if len(all) > 2*maxExported {
		return nil, &UsageError{Problem: fmt.Sprintf("%s uses %s, more than pawl builds", env.Name, output.Plural(len(all)/2, "file")),
			Fix: "leave out --rendered"}
	}
	overlays := overlaysOf(env, all, p.page.references)
	if len(overlays) == 0 {
		return nil, &UsageError{Problem: fmt.Sprintf("%s has no kustomization to build", env.Name),
			Fix: fmt.Sprintf("leave out --rendered; it builds the kustomizations in folders that are called %s, or those in the paths of %s", env.Name, env.Name)}
	}
	if len(overlays) > maxOverlays {
		return nil, &UsageError{Problem: fmt.Sprintf("%s has %d kustomizations to build, and pawl builds %d at most", env.Name, len(overlays), maxOverlays),
			Fix: "leave out --rendered"}
	}
	if err := c.objects.Load(ctx, all); err != nil {
		return nil, err
	}
	return c.build(ctx, program, overlays, sides)
}

// overlaysOf lists the folders to build: those of the environment's own
// kustomizations on which none of its others builds; without any, those of the
// kustomizations in its paths.
func overlaysOf(env config.Environment, files []git.File, references map[string][]string) []string {
	own, all := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		if !manifest.IsKustomization(file.Path) {
			continue
		}
		if belongs(file.Path, env.Name) {
			own[file.Path] = true
		}
		all[file.Path] = true
	}
	if len(own) == 0 {
		own = all
	}
	var folders []string
	for file := range own {
		dir := path.Dir(file)
		used := false
		for other := range all {
			used = used || other != file && slices.Contains(references[other], dir)
		}
		if !used {
			folders = append(folders, dir)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// build exports both sides to a folder for temporary files, which nobody else can
// read, and builds them there.
func (c contents) build(ctx context.Context, program string, overlays []string, sides [2][]git.File) (rendered *Rendered, err error) {
	dir, err := os.MkdirTemp("", "pawl-diff-")
	if err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	defer func() {
		if removing := os.RemoveAll(dir); removing != nil {
			err = errors.Join(err, fmt.Errorf("removing the folder of the build: %w", removing))
		}
	}()
	trees := [2]string{filepath.Join(dir, "before"), filepath.Join(dir, "after")}
	for i, tree := range trees {
		if err := c.export(tree, sides[i]); err != nil {
			return nil, err
		}
	}
	rendered = &Rendered{Overlays: overlays, Objects: []RenderedObject{}}
	for _, overlay := range overlays {
		var built [2][]byte
		for i, tree := range trees {
			if !slices.ContainsFunc(sides[i], func(f git.File) bool { return path.Dir(f.Path) == overlay && manifest.IsKustomization(f.Path) }) {
				continue // it is not there at this commit
			}
			if built[i], err = runKustomize(ctx, program, dir, tree, overlay); err != nil {
				return nil, err
			}
		}
		changed, err := manifest.CompareBuilt(built[0], built[1])
		if err != nil {
			return nil, fmt.Errorf("reading what kustomize built of %s: %w", overlay, err)
		}
		for _, change := range changed {
			rendered.Objects = append(rendered.Objects, renderedObject(overlay, change))
		}
	}
	return rendered, nil
}

// export writes files below a folder. What they are called is somebody else's
// choice: no path leads out of the folder.
func (c contents) export(dir string, files []git.File) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	size := 0
	for _, file := range files {
		content, err := c.objects.Content(file)
		if err == nil {
			err = root.MkdirAll(filepath.FromSlash(path.Dir(file.Path)), 0o700)
		}
		if err == nil {
			err = root.WriteFile(filepath.FromSlash(file.Path), content, 0o600)
		}
		if size += len(content); err == nil && size > maxExportSize {
			err = fmt.Errorf("the files are larger than %d MiB in all", maxExportSize>>20)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("exporting %s: %w", file.Path, err), root.Close())
		}
	}
	return root.Close()
}

// runKustomize builds one overlay. The program sees none of the caller's
// environment: no token, no configuration, no other program (kustomize fetches
// remote bases with git), and a proxy that leads nowhere. Plugins, functions and
// Helm are off unless a flag turns them on, and so is whatever leads out of the
// tree: https://kubectl.docs.kubernetes.io/references/kustomize/cmd/build/
func runKustomize(ctx context.Context, program, dir, tree, overlay string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxBuiltFor)
	defer cancel()
	out, said := &bounded{limit: maxBuilt}, &bounded{limit: 8 << 10, cut: true}
	cmd := exec.CommandContext(ctx, program, "build", filepath.Join(tree, filepath.FromSlash(overlay)))
	cmd.Dir, cmd.Stdout, cmd.Stderr = tree, out, said
	cmd.WaitDelay = 5 * time.Second
	const nowhere = "http://127.0.0.1:0"
	cmd.Env = []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "TMPDIR=" + dir, "TEMP=" + dir, "TMP=" + dir, "PATH=" + filepath.Join(dir, "none"),
		"HTTP_PROXY=" + nowhere, "HTTPS_PROXY=" + nowhere, "NO_PROXY="}
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("building %s with kustomize: it took too long, or was interrupted: %w", overlay, ctx.Err())
	case errors.Is(err, errTooMuch):
		return nil, fmt.Errorf("building %s with kustomize: it printed more than %d MiB", overlay, maxBuilt>>20)
	}
	words := strings.TrimSpace(strings.ReplaceAll(said.String(), tree+string(filepath.Separator), ""))
	return nil, &UsageError{
		Problem: fmt.Sprintf("building %s at %s with kustomize: %v: %s", overlay, filepath.Base(tree), err, output.Clean(words)),
		Fix:     "leave out --rendered, or make it build with: kustomize build " + overlay + "; pawl gives it no network, no plugins and no Helm",
	}
}

// errTooMuch stops a program that prints without end.
var errTooMuch = errors.New("the output is too large")

// bounded keeps what is written to it, up to a limit: then it fails, or forgets the
// rest.
type bounded struct {
	bytes.Buffer
	limit int
	cut   bool
}

// Write keeps bytes.
func (b *bounded) Write(data []byte) (int, error) {
	room := b.limit - b.Len()
	if len(data) <= room {
		return b.Buffer.Write(data)
	}
	if !b.cut {
		return 0, errTooMuch
	}
	b.Buffer.Write(data[:max(room, 0)])
	return len(data), nil
}

// renderedObject compares the lines of an object.
func renderedObject(overlay string, change manifest.BuiltChange) RenderedObject {
	object := RenderedObject{Overlay: overlay, Kind: change.Kind, Namespace: change.Namespace, Name: change.Name, Change: "changed"}
	switch {
	case change.Before == nil:
		object.Change = "added"
	case change.After == nil:
		object.Change = "removed"
	}
	text := func(lines []string) []byte {
		if lines == nil {
			return nil
		}
		return []byte(strings.Join(lines, "\n") + "\n")
	}
	unified := strings.TrimSuffix(string(diff.Diff("a", text(change.Before), "b", text(change.After))), "\n")
	lines := strings.Split(unified, "\n")
	object.Diff = lines[min(3, len(lines)):] // after the lines with the names
	return object
}
