package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// Flags is where a program's certificate comes from. With none of them set, one
// is made in memory, which no client can verify.
type Flags struct {
	Cert, Key string // files
	Dir       string // of certificates made for trying out
}

// Define adds the flags -cert, -key and -certs.
func (f *Flags) Define(set *flag.FlagSet) {
	set.StringVar(&f.Cert, "cert", "", "file with the server's certificate chain, PEM")
	set.StringVar(&f.Key, "key", "", "file with its key, PEM")
	set.StringVar(&f.Dir, "certs", "", "directory with certificates for trying out; they are made if it has none")
}

// The files of a directory with certificates for trying out.
const (
	CAFile     = "ca.pem"
	ServerFile = "server"
	ClientFile = "client"
	certExt    = ".pem"
	keyExt     = ".key"
)

// Load reads the server's certificate, or makes it. It blocks, so it is called
// before there is a loop.
func (f *Flags) Load() (tls.Certificate, error) {
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return tls.Certificate{}, errors.New("-cert and -key go together")
	case f.Cert != "" && f.Dir != "":
		return tls.Certificate{}, errors.New("-cert and -certs exclude each other")
	case f.Cert != "":
		return tls.LoadX509KeyPair(f.Cert, f.Key)
	case f.Dir != "":
		if _, err := os.Stat(filepath.Join(f.Dir, CAFile)); errors.Is(err, os.ErrNotExist) {
			if err := Make(f.Dir); err != nil {
				return tls.Certificate{}, err
			}
		}
		return Pair(f.Dir, ServerFile)
	}
	a, err := NewAuthority()
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.Server()
}

// Make writes an authority's certificate, and a server's and a client's with
// their keys, into a directory, which it makes if there is none.
func Make(dir string) error {
	a, err := NewAuthority()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	server, err := a.Server()
	if err != nil {
		return err
	}
	client, err := a.Client("client")
	if err != nil {
		return err
	}
	if err := writePair(dir, ServerFile, server); err != nil {
		return err
	}
	if err := writePair(dir, ClientFile, client); err != nil {
		return err
	}
	// Last: who finds this file finds all of them.
	return os.WriteFile(filepath.Join(dir, CAFile), a.PEM(), 0o644)
}

// Pair reads one of the certificates that Make has written.
func Pair(dir, name string) (tls.Certificate, error) {
	path := filepath.Join(dir, name)
	return tls.LoadX509KeyPair(path+certExt, path+keyExt)
}

// Pool reads a file of certificates to trust.
func Pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return pool, nil
}

func writePair(dir, name string, c tls.Certificate) error {
	key, err := keyPEM(c.PrivateKey)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+keyExt, key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(path+certExt, certificatePEM(c.Certificate[0]), 0o644)
}
