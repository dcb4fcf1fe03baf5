package githubtest

import (
	"bytes"
	"compress/zlib"
	"io"
	"testing"
)

func TestStoredIsZlib(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 65_534, 65_535, 65_536, 131_070, 200_000} {
		raw := bytes.Repeat([]byte("byte by byte\n"), size/13+1)[:size]
		inflate, err := zlib.NewReader(bytes.NewReader(stored(raw)))
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := io.ReadAll(inflate)
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes: %d come back, %v", size, len(got), err)
		}
	}
}
