package image_test

import (
	"testing"

	"github.com/getpawl/pawl/pkg/image"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want image.Order
	}{
		{"1.9", "1.10", image.Older},
		{"1.10", "1.9", image.Newer},
		{"v1.2.3", "1.2.3", image.Equal},
		{"1.2", "1.2.0", image.Equal},
		{"v1.2.3-rc.1", "v1.2.3", image.Older},
		{"1.2.3-rc.2", "1.2.3-rc.10", image.Older},
		{"41", "42", image.Older},
		{"20240101", "20240201", image.Older},
		{"2024.01.05", "2024.02.01", image.Older},
		{"main", "main", image.Equal},
		{"main", "1.2.3", image.Incomparable},
		{"6801028", "1234567", image.Incomparable},
		{"6801028", "1.2.3", image.Incomparable},
		{"6063e25", "1.2.3", image.Incomparable},
		{"1.2.3+a", "1.2.3", image.Incomparable},
		{"1.2.3+a", "1.2.3+a", image.Equal},
		{"", "", image.Equal},
		{"", "1", image.Incomparable},
		{"99999999999999999999999", "1", image.Incomparable},
		{"1.2.3.4", "1.2.3.5", image.Incomparable},
	}
	for _, test := range tests {
		if got := image.Compare(test.a, test.b); got != test.want {
			t.Errorf("Compare(%q, %q) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestMutableTag(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"", "latest", "Latest", "main", "dev", "edge"} {
		if !image.MutableTag(tag) {
			t.Errorf("MutableTag(%q) = false", tag)
		}
	}
	for _, tag := range []string{"1", "v1.2.3", "main-1234567", "latest-alpine"} {
		if image.MutableTag(tag) {
			t.Errorf("MutableTag(%q) = true", tag)
		}
	}
}
