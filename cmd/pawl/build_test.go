package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxBinary is the size that a stripped binary must not exceed. The goal is 20 MB.
// A binary near that has lost what keeps it far below: nothing in it may look up
// methods by name, as text/template does, or the linker keeps them all.
const maxBinary = 17_000_000

// TestBinaryHasNoClusterClient holds promise P11: there is no Kubernetes client in
// the build, so no code path can reach a cluster.
func TestBinaryHasNoClusterClient(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(out)) {
		for _, client := range []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "k8s.io/kubectl", "testing\n"} {
			if strings.HasPrefix(pkg, client) {
				t.Errorf("the binary links %s", pkg)
			}
		}
	}
}

func TestBinaryIsSmall(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(buildBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MiB", float64(info.Size())/(1<<20))
	if info.Size() > maxBinary {
		t.Errorf("the stripped binary has %d bytes, more than %d", info.Size(), maxBinary)
	}
}

// buildBinary builds pawl as a release does.
func buildBinary(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "pawl")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
