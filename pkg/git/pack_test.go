package git

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// history is a repository in which one long file changes a little many times.
func history(t *testing.T) (s store, tip string) {
	t.Helper()
	s = newStore(t)
	for i := range 40 {
		var content strings.Builder
		for line := range 200 {
			fmt.Fprintf(&content, "line %d of %d\n", line, (line+i)/40)
		}
		tip = fastImport(t, s.dir, "main", map[string]string{"file": content.String(), fmt.Sprintf("d/%d", i): "x"})
	}
	return s, tip
}

// Packs as git makes them: deltas by offset and by id, in long chains. None of them is
// read when its end is missing, wherever it was cut: at every 97th byte if PAWL_FULL=1,
// otherwise at a fifth of those.
func TestReadPackOfGit(t *testing.T) {
	t.Parallel()
	s, tip := history(t)
	all := strings.Fields(runGit(t, s.dir, "", "rev-list", "--objects", "--no-object-names", tip))
	stride := 5 * 97
	if os.Getenv("PAWL_FULL") != "" {
		stride = 97
	}
	for name, options := range map[string][]string{
		"by offset": {"--delta-base-offset"}, "by id": nil, "whole": {"--depth=0"},
	} {
		args := append([]string{"pack-objects", "--stdout", "-q", "--no-reuse-delta", "--window=20", "--depth=50"}, options...)
		pack, err := tryGit(t, s.dir, strings.Join(all, "\n")+"\n", args...)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := readPack(strings.NewReader(pack), plainRules())
		if err != nil || len(objects) != len(all) {
			t.Errorf("%s: %d objects of %d, %v", name, len(objects), len(all), err)
		}
		for _, id := range all {
			found, ok := objects[plumbing.NewHash(id)]
			if !ok || found.hash().String() != id {
				t.Errorf("%s: object %s is missing or wrong", name, id)
			}
		}
		for cut := 0; cut < len(pack); cut += stride {
			if _, err := readPack(strings.NewReader(pack[:cut]), plainRules()); err == nil {
				t.Errorf("%s: %d bytes of %d were enough", name, cut, len(pack))
			}
		}
		limits := Limits{Objects: 10_000, Content: 20_000}
		if _, err := readPack(strings.NewReader(pack), packRules{limits: limits, lookup: newMemory().lookup}); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadThinPackOfGit(t *testing.T) {
	t.Parallel()
	s, tip := history(t)
	pack, err := tryGit(t, s.dir, tip+"\n^"+tip+"~3\n", "pack-objects", "--stdout", "-q", "--thin", "--revs", "--delta-base-offset")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readPack(strings.NewReader(pack), plainRules()); err == nil {
		t.Error("a thin pack was read without what it builds on")
	}
	objects := s.objects()
	lookup := func(id plumbing.Hash) (object, bool) {
		found, err := objects.from.object(id)
		return found, err == nil
	}
	got, err := readPack(strings.NewReader(pack), packRules{limits: Limits{}.withDefaults(), lookup: lookup})
	if _, ok := got[plumbing.NewHash(tip)]; err != nil || !ok {
		t.Errorf("%d objects, %v", len(got), err)
	}
}

func plainRules() packRules {
	return packRules{limits: Limits{}.withDefaults(), lookup: newMemory().lookup}
}
