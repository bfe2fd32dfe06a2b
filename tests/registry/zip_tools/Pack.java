import java.io.OutputStream;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Packs a directory with Java's own library: java Pack.java WAY DIRECTORY ZIP. */
public class Pack {
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    Path target = Path.of(arguments[2]);
    List<Path> paths;
    try (var walked = Files.walk(directory)) {
      paths = walked.filter(path -> !path.equals(directory)).sorted().toList();
    }
    if (arguments[0].equals("stream")) {
      stream(directory, paths, target);
    } else {
      fileSystem(directory, paths, target);
    }
  }

  private static void stream(Path directory, List<Path> paths, Path target) throws Exception {
    try (OutputStream file = Files.newOutputStream(target);
        ZipOutputStream zip = new ZipOutputStream(file)) {
      for (Path path : paths) {
        String name = directory.relativize(path).toString();
        boolean isFolder = Files.isDirectory(path);
        zip.putNextEntry(new ZipEntry(isFolder ? name + "/" : name));
        if (!isFolder) {
          Files.copy(path, zip);
        }
        zip.closeEntry();
      }
    }
  }

  private static void fileSystem(Path directory, List<Path> paths, Path target) throws Exception {
    URI address = URI.create("jar:" + target.toUri());
    try (FileSystem zip = FileSystems.newFileSystem(address, Map.of("create", "true"))) {
      for (Path path : paths) {
        Files.copy(path, zip.getPath("/" + directory.relativize(path)));
      }
    }
  }
}
