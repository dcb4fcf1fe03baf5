package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ oldest, safe bool }{
		"2.24.4":           {},
		"1.99":             {},
		"2.25.0":           {oldest: true},
		"2.25.GIT":         {oldest: true},
		"2.37.1":           {oldest: true},
		"2.38.0":           {true, true},
		"2.47.0.windows.1": {true, true},
		"3.0":              {true, true},
		"10.1":             {true, true},
	} {
		v, err := ParseVersion(text)
		if err != nil || v.String() != text || v.AtLeast(OldestProgram) != want.oldest || v.AtLeast(SafeProgram) != want.safe {
			t.Errorf("%s: %v, %v, %v: %v", text, v, v.AtLeast(OldestProgram), v.AtLeast(SafeProgram), err)
		}
	}
	for _, text := range []string{"", "2", "two.25", "2.", "2.x", "-2.25", "v2.39.5"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q: %v", text, v)
		}
	}
	if (Version{}).AtLeast(OldestProgram) {
		t.Error("no version is enough")
	}
}

// shim puts a program called git in front of PATH.
func shim(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestProgramVersion(t *testing.T) {
	for script, want := range map[string]string{
		"echo git version 2.39.5":                 "2.39.5",
		"echo 'git version 2.39.5 (Apple Git-1)'": "2.39.5",
		"echo git version 2.47.0.windows.1":       "2.47.0.windows.1",
		"exit 0":                                  "",
		"echo hub version 1":                      "",
		"echo git version 2.39.5; exit 1":         "",
	} {
		t.Run(script, func(t *testing.T) {
			shim(t, script)
			got, err := ProgramVersion(t.Context(), t.TempDir())
			if got.String() != want || (err == nil) != (want != "") {
				t.Errorf("%v: %v", got, err)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := ProgramVersion(t.Context(), t.TempDir()); !errors.Is(err, ErrNoGit) {
		t.Errorf("without git: %v", err)
	}
}

// An older git prints what it does not know, as it was given, and ends well.
func TestOpenCheckoutWithAnOldGit(t *testing.T) {
	w := newWorking(t, sampleFiles)
	shim(t, `case " $* " in *" version "*) echo git version 2.24.4 ;; *) echo --show-object-format ;; esac`)
	_, err := OpenCheckout(t.Context(), w.dir)
	if !errors.Is(err, ErrOldGit) || !strings.Contains(err.Error(), "git 2.24.4 is older than 2.25") {
		t.Errorf("got %v", err)
	}
	shim(t, `case " $* " in *" version "*) echo git version 2.39.5 ;; *) echo reftable ;; esac`)
	if _, err := OpenCheckout(t.Context(), w.dir); err == nil || errors.Is(err, ErrOldGit) || !strings.Contains(err.Error(), `"reftable"`) {
		t.Errorf("a format of tomorrow: %v", err)
	}
}
