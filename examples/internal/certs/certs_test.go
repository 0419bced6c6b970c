package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlagsLoadACertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	made, err := (&Flags{Dir: dir}).Load()
	require.NoError(t, err)
	again, err := (&Flags{Dir: dir}).Load()
	require.NoError(t, err)
	require.Equal(t, made.Certificate, again.Certificate, "the directory's, when it has one")
	read, err := (&Flags{Cert: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}).Load()
	require.NoError(t, err)
	require.Equal(t, made.Certificate, read.Certificate)
	inMemory, err := new(Flags).Load()
	require.NoError(t, err)
	require.NotEqual(t, made.Certificate, inMemory.Certificate)

	pool, err := Pool(filepath.Join(dir, CAFile))
	require.NoError(t, err)
	for name, use := range map[string]x509.ExtKeyUsage{ServerFile: x509.ExtKeyUsageServerAuth, ClientFile: x509.ExtKeyUsageClientAuth} {
		pair, err := Pair(dir, name)
		require.NoError(t, err)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{use}})
		require.NoError(t, err, "%s, by the directory's authority", name)
	}
	info, err := os.Stat(filepath.Join(dir, "server.key"))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "who but its owner may use the key")
}

func TestFlagsRefuseWhatDoesNotGoTogether(t *testing.T) {
	for _, f := range []Flags{{Cert: "a"}, {Key: "a"}, {Cert: "a", Key: "b", Dir: "c"}, {Cert: "no such", Key: "no such"}} {
		_, err := f.Load()
		require.Error(t, err, "%+v", f)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err := Pool(empty)
	require.Error(t, err)
}
