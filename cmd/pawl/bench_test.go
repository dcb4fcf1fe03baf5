package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
)

// The benchmarks run whole commands, as a user does, beside the tool that would
// be used otherwise. Run them with make bench, which brings the other tools; one
// that is not installed is left out. Only the ratios mean anything.

func BenchmarkStart(b *testing.B) {
	pawl := buildBinary(b)
	for _, tool := range [][]string{{pawl, "version"}, {"kustomize", "version"}, {"yq", "--version"}} {
		b.Run(filepath.Base(tool[0]), func(b *testing.B) { run(b, b.TempDir(), nil, tool...) })
	}
}

// BenchmarkBumpOneFile sets one image in one kustomization.
func BenchmarkBumpOneFile(b *testing.B) {
	pawl := buildBinary(b)
	dir := b.TempDir()
	reset := func() { write(b, dir, 1) }
	file := "app-0/kustomization.yaml"
	b.Run("pawl", func(b *testing.B) { run(b, dir, reset, pawl, "bump", "ghcr.io/acme/app:1.2.4", "-f", file) })
	b.Run("kustomize", func(b *testing.B) {
		run(b, filepath.Join(dir, "app-0"), reset, "kustomize", "edit", "set", "image", "ghcr.io/acme/app:1.2.4")
	})
	b.Run("yq", func(b *testing.B) {
		run(b, dir, reset, "yq", "-i", `(.images[] | select(.name == "ghcr.io/acme/app") | .newTag) = "1.2.4"`, file)
	})
	b.Run("sed", func(b *testing.B) { run(b, dir, reset, "sed", "-i", "s/newTag: .*/newTag: 1.2.4/", file) })
}

// BenchmarkBumpAll sets one image in a thousand kustomizations.
func BenchmarkBumpAll(b *testing.B) {
	pawl := buildBinary(b)
	dir := b.TempDir()
	reset := func() { write(b, dir, 1000) }
	b.Run("pawl", func(b *testing.B) { run(b, dir, reset, pawl, "bump", "ghcr.io/acme/app:1.2.4", "-f", ".") })
	b.Run("yq", func(b *testing.B) {
		run(b, dir, reset, "sh", "-c", `grep -rl ghcr.io/acme/app . | xargs -n1 yq -i '(.images[] | select(.name == "ghcr.io/acme/app") | .newTag) = "1.2.4"'`)
	})
	b.Run("kustomize", func(b *testing.B) {
		run(b, dir, reset, "sh", "-c", `for d in $(grep -rl ghcr.io/acme/app . | xargs -n1 dirname); do (cd $d && kustomize edit set image ghcr.io/acme/app:1.2.4); done`)
	})
	b.Run("sed", func(b *testing.B) {
		run(b, dir, reset, "sh", "-c", `grep -rl ghcr.io/acme/app . | xargs sed -i 's/newTag: .*/newTag: 1.2.4/'`)
	})
}

// run times a command; reset brings its input back outside of the time.
func run(b *testing.B, dir string, reset func(), args ...string) {
	b.Helper()
	for _, tool := range []string{args[0], path.Base(b.Name())} {
		if _, err := exec.LookPath(tool); err != nil && tool != "pawl" {
			b.Skipf("%s is not installed", tool)
		}
	}
	for b.Loop() {
		if reset != nil {
			b.StopTimer()
			reset()
			b.StartTimer()
		}
		cmd := exec.CommandContext(b.Context(), args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}

// write makes n folders with a kustomization each.
func write(b *testing.B, dir string, n int) {
	b.Helper()
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprintf("app-%d", i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("resources:\n  - ../base\n\nimages:\n  # app %d\n  - name: ghcr.io/acme/app\n    newTag: 1.2.3   # bumped by CI\n", i)
		if err := os.WriteFile(filepath.Join(sub, "kustomization.yaml"), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
