package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/manifest"
)

// secretValue is what must not be told by anything.
const secretValue = "aHVudGVyMmh1bnRlcjI="

func TestSecrets(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	const enc = "ENC[AES256_GCM,data:abc=,iv:abc=,tag:abc=,type:str]"
	const sops = "sops:\n  mac: " + enc + "\n"
	run := func(n int) string { return strings.Repeat("aB3", n/3+1)[:n] }
	tests := []struct {
		name, file, before, after string
		want                      string // line:rule, with spaces between
	}{
		{"nothing", "a.yaml", "", "", ""},
		{"a deployment", "a.yaml", "", "kind: Deployment\ndata: {a: b}\n", ""},
		{"data", "a.yaml", "", head + "data:\n  a: " + secretValue + "\n", "5:a Secret in plain text"},
		{"stringData", "a.yaml", "", head + "stringData: {a: " + secretValue + "}\n", "4:a Secret in plain text"},
		{"both", "a.yaml", "", head + "data: {a: b}\nstringData: {a: b}\n", "4:a Secret in plain text 5:a Secret in plain text"},
		{"JSON", "a.json", "", `{"kind": "Secret", "data": {"a": "b"}}`, "1:a Secret in plain text"},
		{"in quotes", "a.yml", "", "\"kind\": 'Secret'\n\"data\": {a: b}\n", "2:a Secret in plain text"},
		{"no data", "a.yaml", "", head, ""},
		{"empty data", "a.yaml", "", head + "data: {}\nstringData: {a: '', b: ~}\n", ""},
		{"in a list", "a.yaml", "", "kind: List\nitems:\n- kind: Secret\n  data: {a: b}\n", "4:a Secret in plain text"},
		{"the second document", "a.yaml", "", "kind: ConfigMap\ndata: {a: b}\n---\n" + head + "data: {a: b}\n", "7:a Secret in plain text"},
		{"kind written twice", "a.yaml", "", "kind: ConfigMap\nkind: Secret\ndata: {a: b}\n", "3:a Secret in plain text"},
		{"by an alias", "a.yaml", "", "x: &x {a: b}\nkind: Secret\ndata: *x\n", "1:a Secret in plain text"},
		{"by a merge key", "a.yaml", "", "x: &x {a: b}\nkind: Secret\ndata: {<<: *x}\n", "1:a Secret in plain text"},
		{"an alias to itself", "a.yaml", "", "kind: Secret\ndata: &x {a: *x}\n", ""},
		{"a block", "a.yaml", "", head + "stringData:\n  a: |\n    " + secretValue + "\n", "5:a Secret in plain text"},
		{"a number", "a.yaml", "", head + "stringData: {a: 1}\n", "4:a Secret in plain text"},
		{"Flux fills it in", "a.yaml", "", head + "stringData: {a: '${PASSWORD}'}\n", ""},
		{"Flux fills a part in", "a.yaml", "", head + "stringData: {a: 'x${PASSWORD}'}\n", "4:a Secret in plain text"},
		{"Flux has a default", "a.yaml", "", head + "stringData: {a: '${PASSWORD:=hunter2}'}\n", "4:a Secret in plain text"},
		{"the Vault plugin fills it in", "a.yaml", "", head + "stringData: {a: '<path:kv/data/a#b>'}\n", ""},
		{"SealedSecret", "a.yaml", "", "kind: SealedSecret\nspec: {encryptedData: {a: AgB}, template: {data: {a: b}}}\n", ""},
		{"ExternalSecret", "a.yaml", "", "kind: ExternalSecret\nspec: {data: [{secretKey: a}]}\n", ""},
		{"SOPS", "a.yaml", "", head + "data: {a: '" + enc + "'}\nstringData: {b: '" + enc + "', c: ''}\n" + sops, ""},
		{"SOPS, one value in the open", "a.yaml", "", head + "data: {a: '" + enc + "', b: " + secretValue + "}\n" + sops, "4:a Secret in plain text"},
		{"SOPS without a signature", "a.yaml", "", head + "data: {a: '" + enc + "'}\nsops: {version: 3.9.0}\n", "4:a Secret in plain text"},
		{"SOPS with a signature in the open", "a.yaml", "", head + "data: {a: '" + enc + "'}\nsops: {mac: abc}\n", "4:a Secret in plain text"},
		{"like SOPS without sops", "a.yaml", "", head + "data: {a: '" + enc + "'}\n", "4:a Secret in plain text"},
		{"ENC around the open", "a.yaml", "", head + "data: {a: 'ENC[" + secretValue + "]'}\n" + sops, "4:a Secret in plain text"},
		{"literals", "kustomization.yaml", "", "secretGenerator:\n- name: a\n  literals:\n  - a=" + secretValue + "\n", "4:a literal of a secretGenerator"},
		{"no literals", "kustomization.yaml", "", "secretGenerator:\n- name: a\n  envs: [a.env]\n  literals: []\n", ""},
		{"literals of a ConfigMap", "kustomization.yaml", "", "configMapGenerator:\n- name: a\n  literals: [a=b]\n", ""},

		{"a template", "a.yaml", "", "kind: Secret\ndata:\n  a: {{ .x | quote }}\n{{ end }}\n", "1:a Secret in a file that cannot be read as YAML"},
		{"a template that reads as YAML", "a.yaml", "", "kind: Secret\ndata:\n  a: {{ .x }}\n", "3:a Secret in plain text"},
		{"a template in a list", "a.yaml", "", "{{- if .x }}\n  - kind: \"Secret\" # x\n{{ end }}\n", "2:a Secret in a file that cannot be read as YAML"},
		{"a template of another kind", "a.yaml", "", "kind: SecretStore\nx: {{ .x }}\n", ""},
		{"an old part of a template", "a.yaml", "kind: Secret\n---\n{{ x }}: {{ .x }}\n{{ end }}\n", "kind: Secret\n---\n{{ x }}: {{ .y }}\n{{ end }}\n", ""},
		{"a new part of a template", "a.yaml", "kind: Secret\n---\n{{ if\n", "kind: Secret\ndata: {}\n---\n{{ if\n", "1:a Secret in a file that cannot be read as YAML"},
		{"a broken file", "a.yaml", "", "kind: Secret\ndata: {a: b\n", "1:a Secret in a file that cannot be read as YAML"},
		{"no YAML at all", "a.md", "", head + "data: {a: b}\n", ""},

		{"as before", "a.yaml", head + "data: {a: b}\n", head + "data: {a: b}\n", ""},
		{"a comment was added", "a.yaml", head + "data: {a: b}\n", head + "# x\ndata: {a: b}\n", "5:a Secret in plain text"},
		{"another document was added", "a.yaml", head + "data: {a: b}\n", head + "data: {a: b}\n---\nkind: ConfigMap\n", ""},
		{"the other document was changed", "a.yaml", "x: 1\n---\n" + head + "data: {a: b}\n", "x: 2\n---\n" + head + "data: {a: b}\n", ""},
		{"it became a Secret", "a.yaml", "kind: ConfigMap\ndata: {a: b}\n", "kind: Secret\ndata: {a: b}\n", "2:a Secret in plain text"},
		{"it is not encrypted anymore", "a.yaml", head + "data: {a: '" + enc + "'}\n" + sops, head + "data: {a: b}\n" + sops, "4:a Secret in plain text"},
		{"a line went away", "a.yaml", head + "data:\n  a: b\n  c: d\n", head + "data:\n  a: b\n", ""},
		{"other line ends", "a.yaml", head + "data: {a: b}\n", strings.ReplaceAll(head+"data: {a: b}\n", "\n", "\r\n"), ""},

		{"ghp", "a.txt", "", "x ghp_" + run(36), "1:a GitHub token"},
		{"gho", "a.txt", "", "gho_" + run(36), "1:a GitHub token"},
		{"ghs", "a.txt", "", "\n\nghs_" + run(36), "3:a GitHub token"},
		{"ghu", "a.txt", "", "ghu_" + run(36), "1:a GitHub token"},
		{"ghr", "a.txt", "", "ghr_" + run(76), "1:a GitHub token"},
		{"a short ghp", "a.txt", "", "ghp_" + run(35), ""},
		{"a word with ghp", "a.txt", "", "xghp_" + run(36), ""},
		{"github_pat", "a.txt", "", "github_pat_" + run(22) + "_" + run(59), "1:a GitHub token"},
		{"AKIA", "a.txt", "", "AKIA" + strings.Repeat("Q7", 8), "1:an AWS access key"},
		{"ASIA", "a.txt", "", "key=ASIA" + strings.Repeat("Q7", 8), "1:an AWS access key"},
		{"a longer AKIA", "a.txt", "", "AKIA" + strings.Repeat("Q7", 9), ""},
		{"RSA", "a.txt", "", "-----BEGIN RSA PRIVATE KEY-----", "1:a private key"},
		{"PKCS 8", "a.yaml", "", "a: |\n  -----BEGIN PRIVATE KEY-----\n", "2:a private key"},
		{"OpenSSH", "a.txt", "", "-----BEGIN OPENSSH PRIVATE KEY-----", "1:a private key"},
		{"PGP", "a.txt", "", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "1:a private key"},
		{"a public key", "a.txt", "", "-----BEGIN PUBLIC KEY-----", ""},
		{"a certificate", "a.txt", "", "-----BEGIN CERTIFICATE-----", ""},
		{"xoxb", "a.txt", "", "xoxb-" + run(20), "1:a Slack token"},
		{"xoxp", "a.txt", "", "xoxp-" + run(20), "1:a Slack token"},
		{"a webhook of Slack", "a.txt", "", "https://hooks.slack.com/services/T0AB/B0CD/" + run(24), "1:a Slack token"},
		{"glpat", "a.txt", "", "glpat-" + run(20), "1:a GitLab token"},
		{"Google", "a.txt", "", "AIza" + run(35), "1:a Google API key"},
		{"npm", "a.txt", "", "npm_" + run(36), "1:an npm token"},
		{"Docker", "a.txt", "", "dckr_pat_" + run(27), "1:a Docker Hub token"},
		{"Stripe", "a.txt", "", "sk_live_" + run(24), "1:a Stripe key"},
		{"Stripe's test key", "a.txt", "", "sk_test_" + run(24), ""},
		{"Vault", "a.txt", "", "hvs." + run(24), "1:a Vault token"},
		{"age", "a.txt", "", "AGE-SECRET-KEY-1" + strings.Repeat("Q7", 29), "1:an age key"},
		{"a token that was there", "a.txt", "a ghp_" + run(36) + "\nb\n", "b\na ghp_" + run(36) + "\n", ""},
		{"a token once more", "a.txt", "a ghp_" + run(36) + "\n", "a ghp_" + run(36) + "\na ghp_" + run(36) + "\n", "2:a GitHub token"},
		{"two in a line", "a.txt", "", "ghp_" + run(36) + " glpat-" + run(20), "1:a GitHub token 1:a GitLab token"},
		{"a token in a binary file", "a.bin", "", "\x00\xff ghp_" + run(36), "1:a GitHub token"},
		{"a token in a Secret", "a.yaml", "", head + "stringData:\n  a: ghp_" + run(36) + "\n", "5:a GitHub token 5:a Secret in plain text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, secret := range manifest.Secrets(test.file, []byte(test.before), []byte(test.after)) {
				got = append(got, fmt.Sprintf("%d:%s", secret.Line, secret.Rule))
				if text := fmt.Sprint(secret); strings.Contains(text, secretValue) || strings.Contains(text, run(20)) || secret.File != test.file {
					t.Errorf("the finding tells too much: %s", text)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q in\n%s", strings.Join(got, " "), test.want, test.after)
			}
		})
	}
	t.Logf("%d rows", len(tests))
}

func FuzzSecrets(f *testing.F) {
	f.Add("kind: Secret\ndata: {a: b}\n", "kind: Secret\ndata: &x {a: *x}\n---\n{{ x }}\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 1<<16 {
			return
		}
		lines := strings.Count(after, "\n") + 1
		for _, secret := range manifest.Secrets("a.yaml", []byte(before), []byte(after)) {
			if secret.Line < 1 || secret.Line > lines || secret.Rule == "" {
				t.Errorf("%+v in %d lines", secret, lines)
			}
		}
		if again := manifest.Secrets("a.yaml", []byte(after), []byte(after)); len(again) > 0 {
			t.Errorf("nothing was added, and yet: %+v", again)
		}
	})
}
