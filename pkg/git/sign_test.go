package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signing is a checkout, and a home in which keys are.
type signing struct {
	*working
	t    *testing.T
	home string
}

func newSigning(t *testing.T, program string) *signing {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " is not installed")
	}
	// The path of gpg-agent's socket must be short, as all of them.
	home, err := os.MkdirTemp("/tmp", "s") //nolint:usetesting // as it says
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	w := newWorking(t, sampleFiles)
	w.git("config", "commit.gpgsign", "true")
	return &signing{w, t, home}
}

func (s *signing) run(name string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(scrub(cmd.Environ(), false), "GNUPGHOME="+s.home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// signature signs as the configuration says.
func (s *signing) signature(text []byte) ([]byte, error) {
	s.t.Helper()
	signer, err := FindSigner(s.t.Context(), s.dir, s.open(), message("").Committer)
	if err != nil {
		return nil, err
	}
	if signer == nil {
		s.t.Fatal("commits are not to be signed")
	}
	return signer.Sign(s.t.Context(), text)
}

// sign makes a commit.
func (s *signing) sign() (sha string, err error) {
	s.t.Helper()
	checkout := s.open()
	m := message("signed")
	m.Sign = s.signature
	_, head, err := checkout.Head(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	objects := checkout.Objects()
	if sha, err = objects.Commit(head, busyChanges, m); err != nil {
		return "", err
	}
	if err := checkout.Advance(s.t.Context(), objects, head, sha, busyChanges); err != nil {
		s.t.Fatal(err)
	}
	return sha, nil
}

// gpgKey makes a key for who commits in the tests.
func (s *signing) gpgKey(passphrase string) {
	s.t.Helper()
	s.t.Setenv("GNUPGHOME", s.home)
	who := message("").Committer
	s.run("gpg", "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase", passphrase,
		"--quick-generate-key", who.Name+" <"+who.Email+">", "ed25519", "sign")
	s.t.Cleanup(func() { s.run("gpgconf", "--kill", "all") })
}

func TestSignWithGPG(t *testing.T) { //nolint:paralleltest // GNUPGHOME is of the process
	s := newSigning(t, "gpg")
	s.gpgKey("")
	sha, err := s.sign()
	if err != nil {
		t.Fatal(err)
	}
	if said := s.run("git", "verify-commit", sha); !strings.Contains(said, "Good signature") {
		t.Errorf("%s", said)
	}
	s.run("git", "fsck", "--strict")
	s.git("config", "user.signingkey", "nobody@nowhere.example")
	if _, err := s.signature([]byte("x")); err == nil || !strings.Contains(err.Error(), "No secret key") || strings.Contains(err.Error(), "GNUPG:") {
		t.Errorf("with a key that is not there: %v", err)
	}
}

func TestSignWithGPGAsksNobody(t *testing.T) { //nolint:paralleltest // as above
	s := newSigning(t, "gpg")
	s.gpgKey("secret")
	s.run("gpgconf", "--kill", "gpg-agent")
	_, err := s.sign()
	var advice interface{ Hint() string }
	if err == nil || !errors.As(err, &advice) || !strings.Contains(advice.Hint(), "passphrase") {
		t.Errorf("got %v", err)
	}
}

func TestSignWithSSH(t *testing.T) {
	t.Parallel()
	s := newSigning(t, "ssh-keygen")
	key := filepath.Join(s.home, "id")
	s.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(s.home, "allowed")
	if err := os.WriteFile(allowed, []byte("* "+string(public)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.git("config", "gpg.format", "ssh")
	s.git("config", "gpg.ssh.allowedSignersFile", allowed)
	if _, err := s.sign(); err == nil || !strings.Contains(err.Error(), "user.signingkey is not set") {
		t.Errorf("without a key: %v", err)
	}
	s.git("config", "user.signingkey", key)
	sha, err := s.sign()
	if err != nil {
		t.Fatal(err)
	}
	if said := s.run("git", "verify-commit", sha); !strings.Contains(said, `Good "git" signature`) {
		t.Errorf("%s", said)
	}
	s.git("config", "user.signingkey", "key::"+strings.TrimSpace(string(public)))
	if _, err := s.signature([]byte("x")); err == nil || !strings.Contains(err.Error(), "ssh-keygen: ") {
		t.Errorf("without an agent: %v", err)
	}
	signer, err := SSHSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(t.Context(), []byte("x"))
	if err != nil || !strings.HasPrefix(string(signature), "-----BEGIN SSH SIGNATURE-----\n") {
		t.Errorf("%s, %v", signature, err)
	}
}

func TestSignWithSSHAsksNobody(t *testing.T) {
	t.Parallel()
	s := newSigning(t, "ssh-keygen")
	key := filepath.Join(s.home, "id")
	s.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key)
	started := time.Now()
	signer, err := SSHSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = signer.Sign(t.Context(), []byte("x"))
	if err == nil || time.Since(started) > signedWithin {
		t.Errorf("got %v after %s", err, time.Since(started))
	}
}

// TestSignPrograms: a program of the user's takes the place of gpg; nothing but a
// signature counts.
func TestSignPrograms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ format, setting, script, want string }{
		"signs":             {"openpgp", "gpg.program", `echo "[GNUPG:] SIG_CREATED D" >&2; echo "-----BEGIN PGP SIGNATURE-----"; echo "$*"`, ""},
		"its own setting":   {"openpgp", "gpg.openpgp.program", `echo "[GNUPG:] SIG_CREATED D" >&2; echo "-----BEGIN PGP SIGNATURE-----"`, ""},
		"of x509":           {"x509", "gpg.x509.program", `echo "[GNUPG:] SIG_CREATED D" >&2; echo "-----BEGIN SIGNED MESSAGE-----"`, ""},
		"of ssh":            {"ssh", "gpg.ssh.program", `for f; do :; done; echo "-----BEGIN SSH SIGNATURE-----" >"$f.sig"`, ""},
		"says nothing":      {"openpgp", "gpg.program", `echo "-----BEGIN PGP SIGNATURE-----"`, "does not say that it has signed"},
		"signs nothing":     {"openpgp", "gpg.program", `echo "[GNUPG:] SIG_CREATED D" >&2`, "gave no signature"},
		"writes nothing":    {"ssh", "gpg.ssh.program", `exit 0`, "wrote no signature"},
		"fails":             {"openpgp", "gpg.program", `echo "out of ink" >&2; exit 3`, "out of ink"},
		"is not there":      {"openpgp", "gpg.program", "", "was not found"},
		"sees no token":     {"openpgp", "gpg.program", `test -z "$GITHUB_TOKEN" || exit 3; echo "[GNUPG:] SIG_CREATED D" >&2; echo "-----BEGIN PGP"`, ""},
		"an unknown format": {"minisign", "gpg.program", "", "gpg.format is not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t, "sh")
			program := filepath.Join(s.home, "signer")
			if test.script != "" {
				if err := os.WriteFile(program, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil { //nolint:gosec // a program
					t.Fatal(err)
				}
			}
			s.git("config", test.setting, program)
			s.git("config", "gpg.format", test.format)
			s.git("config", "user.signingkey", "KEY")
			sha, err := s.sign()
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := s.run("git", "cat-file", "commit", sha); !strings.Contains(text, "\ngpgsig -----BEGIN ") {
				t.Errorf("%s", text)
			}
			s.run("git", "fsck", "--strict")
		})
	}
}

func TestSignNot(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	for _, value := range []string{"", "false"} {
		if value != "" {
			w.git("config", "commit.gpgsign", value)
		}
		if signer, err := FindSigner(t.Context(), w.dir, w.open(), Signature{}); signer != nil || err != nil {
			t.Errorf("commit.gpgsign=%s: %v, %v", value, signer, err)
		}
	}
	if signer, err := FindSigner(t.Context(), t.TempDir(), nil, Signature{}); signer != nil || err != nil {
		t.Errorf("outside a checkout: %v, %v", signer, err)
	}
}
