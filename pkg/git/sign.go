package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// signedWithin bounds one signature: a key on a token may wait for a touch.
const signedWithin = 30 * time.Second

// Signer signs commits with the programs that Git would run. None of them gets a
// terminal to ask for a passphrase at: a key has to be open, or in an agent.
type Signer struct {
	git     program
	format  string // openpgp, x509 or ssh
	program string
	key     string
}

// FindSigner reads Git's configuration of the checkout, or of the folder when the
// checkout is nil: commit.gpgsign, gpg.format, user.signingkey and the names of the
// programs. It returns nil when commits are not to be signed. Without a key, that of
// the committer is meant, as in Git.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-commitgpgSign
func FindSigner(ctx context.Context, dir string, checkout *Checkout, committer Signature) (*Signer, error) {
	git, err := findProgram(dir)
	if errors.Is(err, ErrNoGit) {
		return nil, nil //nolint:nilnil // no configuration asks for a signature
	}
	if err != nil {
		return nil, err
	}
	if checkout != nil {
		git = checkout.git
	}
	wanted, err := git.setting(ctx, "bool", "commit.gpgsign")
	if err != nil || wanted != "true" {
		return nil, err
	}
	s := &Signer{git: git, format: "openpgp", key: fmt.Sprintf("%s <%s>", committer.Name, committer.Email)}
	if err := s.configure(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// SSHSigner signs with an SSH key: the file of a private key, or of a public one
// whose private half an agent holds.
func SSHSigner(keyFile string) (*Signer, error) {
	if _, err := os.Stat(keyFile); err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	return &Signer{format: "ssh", program: "ssh-keygen", key: keyFile}, nil
}

func (s *Signer) configure(ctx context.Context) error {
	format, err := s.git.setting(ctx, "", "gpg.format")
	if err != nil {
		return err
	}
	if format != "" {
		s.format = format
	}
	defaults := map[string]string{"openpgp": "gpg", "x509": "gpgsm", "ssh": "ssh-keygen"}
	if s.program = defaults[s.format]; s.program == "" {
		return &signingError{format: s.format, reason: "gpg.format is not openpgp, x509 or ssh"}
	}
	programs := []string{"gpg." + s.format + ".program"}
	if s.format == "openpgp" {
		programs = append(programs, "gpg.program")
	}
	for _, name := range programs {
		named, err := s.git.setting(ctx, "path", name)
		if err != nil {
			return err
		}
		if named != "" {
			s.program = named
			break
		}
	}
	kind := ""
	if s.format == "ssh" {
		kind, s.key = "path", ""
	}
	key, err := s.git.setting(ctx, kind, "user.signingkey")
	if err != nil {
		return err
	}
	if key != "" {
		s.key = key
	}
	if s.key == "" {
		return &signingError{format: s.format, reason: "user.signingkey is not set"}
	}
	return nil
}

// setting reads one value of Git's configuration, as the kind of value that it is;
// empty when it is not set.
func (p program) setting(ctx context.Context, kind, name string) (string, error) {
	args := []string{"config", "--get", name}
	if kind != "" {
		args = []string{"config", "--type=" + kind, "--get", name}
	}
	out, err := p.output(ctx, run{args: args})
	if exitCode(err) == 1 { // no such key
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// Sign returns the signature of a commit, for [Message.Sign]. It is an error when
// the program says anything but that it has signed.
func (s *Signer) Sign(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, signedWithin, errors.New("it took longer than "+signedWithin.String()))
	defer cancel()
	sign := s.signGPG
	if s.format == "ssh" {
		sign = s.signSSH
	}
	signature, err := sign(ctx, payload)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(signature, []byte("-----BEGIN ")) {
		return nil, &signingError{s.format, s.program + " gave no signature"}
	}
	return bytes.ReplaceAll(signature, []byte("\r\n"), []byte("\n")), nil
}

// signGPG runs gpg, or what is in its place, the way Git does.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-gpgprogram
func (s *Signer) signGPG(ctx context.Context, payload []byte) ([]byte, error) {
	args := []string{"--status-fd=2", "-bsau", s.key}
	if name := filepath.Base(s.program); name == "gpg" || name == "gpg2" {
		args = append([]string{"--batch", "--no-tty", "--pinentry-mode=error"}, args...)
	}
	out, said, err := s.run(ctx, payload, args...)
	if err != nil {
		return nil, err
	}
	// https://git.gnupg.org/cgi-bin/gitweb.cgi?p=gnupg.git;a=blob_plain;f=doc/DETAILS
	if !strings.Contains("\n"+said, "\n[GNUPG:] SIG_CREATED ") {
		return nil, &signingError{s.format, s.program + " does not say that it has signed"}
	}
	return out, nil
}

// signSSH runs ssh-keygen, or what is in its place, the way Git does: on a file, in
// a folder of its own. Of a key, only the public half is ever written there.
// https://man.openbsd.org/ssh-keygen.1#Y~5
func (s *Signer) signSSH(ctx context.Context, payload []byte) (signature []byte, err error) {
	dir, err := os.MkdirTemp("", "pawl-sign-")
	if err != nil {
		return nil, fmt.Errorf("signing the commit: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text := filepath.Join(dir, "commit")
	if err := os.WriteFile(text, payload, 0o600); err != nil {
		return nil, fmt.Errorf("signing the commit: %w", err)
	}
	key, args := s.key, []string{"-Y", "sign", "-n", "git", "-f"}
	literal, isLiteral := strings.CutPrefix(key, "key::")
	if isLiteral || strings.HasPrefix(key, "ssh-") {
		key = filepath.Join(dir, "key.pub")
		if err := os.WriteFile(key, []byte(literal+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("signing the commit: %w", err)
		}
		args = append(args, key, "-U", text)
	} else {
		args = append(args, key, text)
	}
	if _, _, err := s.run(ctx, nil, args...); err != nil {
		return nil, err
	}
	if signature, err = os.ReadFile(text + ".sig"); err != nil {
		return nil, &signingError{s.format, s.program + " wrote no signature"}
	}
	return signature, nil
}

// run runs the program, and returns what it wrote and what it said.
func (s *Signer) run(ctx context.Context, stdin []byte, args ...string) (out []byte, said string, err error) {
	path, err := exec.LookPath(s.program)
	if err != nil {
		return nil, "", &signingError{s.format, s.program + " was not found"}
	}
	var output bytes.Buffer
	errors := &gathered{}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.git.dir, bytes.NewReader(stdin), &output, errors
	cmd.WaitDelay = time.Second
	cmd.Env = append(scrub(cmd.Environ(), false), "SSH_ASKPASS_REQUIRE=never")
	withoutTerminal(cmd)
	if err := cmd.Run(); err != nil {
		reason := strings.Join(append([]string{s.program + ": " + err.Error()}, complaints(string(errors.text))...), "; ")
		if cause := context.Cause(ctx); cause != nil {
			reason = s.program + ": " + cause.Error()
		}
		return nil, "", &signingError{s.format, reason}
	}
	return output.Bytes(), string(errors.text), nil
}

// complaints are what a program says beside its status for programs.
func complaints(said string) []string {
	var lines []string
	for _, line := range printableLines(said) {
		if !strings.HasPrefix(line, "[GNUPG:]") {
			lines = append(lines, line)
		}
	}
	return lines
}

// signingError is a commit that was to be signed, and could not be.
type signingError struct{ format, reason string }

func (e *signingError) Error() string { return "signing the commit (" + e.format + "): " + e.reason }

// Hint says what to do.
func (e *signingError) Hint() string {
	return "check user.signingkey; nobody can be asked for a passphrase here, so the key must have none, or be open in an agent"
}

// withSignature puts a signature into a commit, after its other headers.
// https://git-scm.com/docs/gitformat-signature
func withSignature(commit, signature []byte) []byte {
	header, text, _ := bytes.Cut(commit, []byte("\n\n"))
	lines := strings.Split(strings.Trim(string(signature), "\n"), "\n")
	signed := string(header) + "\ngpgsig " + strings.Join(lines, "\n ") + "\n\n"
	return append([]byte(signed), text...)
}
