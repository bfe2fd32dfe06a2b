// Pack packs a directory with Go's own library: go run pack.go WAY DIRECTORY ZIP
package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func pack(way, directory, target string) error {
	file, err := os.Create(target)
	if err != nil {
		return err
	}
	defer file.Close()
	writer := zip.NewWriter(file)
	err = filepath.WalkDir(directory, func(path string, found fs.DirEntry, err error) error {
		if err != nil || path == directory {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		header, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		header.Name, err = filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		if found.IsDir() {
			header.Name += "/"
		} else if way == "deflated" {
			header.Method = zip.Deflate
		}
		entry, err := writer.CreateHeader(header)
		if err != nil || found.IsDir() {
			return err
		}
		content, err := os.Open(path)
		if err != nil {
			return err
		}
		defer content.Close()
		_, err = io.Copy(entry, content)
		return err
	})
	if err != nil {
		return err
	}
	return writer.Close()
}

func main() {
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		panic(err)
	}
}
