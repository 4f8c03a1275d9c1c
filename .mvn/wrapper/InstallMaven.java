import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// Downloads a Maven distribution, checks its SHA-512, and unpacks it; run from source by `mvnw` and `mvnw.cmd`.
///
/// Arguments: the archive's address, its SHA-512 in hex, the directory it becomes. The directory appears whole or not
/// at all. A proxy is taken from `https_proxy` or `HTTPS_PROXY`.
final class InstallMaven {

    public static void main(String[] arguments) {
        try {
            install(URI.create(arguments[0]), arguments[1], Path.of(arguments[2]));
        } catch (IOException | RuntimeException e) {
            System.err.println("error: Maven could not be installed from " + arguments[0] + ": " + e);
            System.exit(1);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static void install(URI address, String expectedHash, Path home) throws Exception {
        Files.createDirectories(home.getParent());
        Path aside = Files.createTempDirectory(home.getParent(), "download");
        try {
            Path archive = aside.resolve("maven.zip");
            download(address, archive);
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-512")
                    .digest(Files.readAllBytes(archive)));
            if (!hash.equals(expectedHash.strip())) {
                throw new IOException("the archive's SHA-512 is " + hash + ", expected " + expectedHash);
            }
            Path unpacked = unpack(archive, aside.resolve("unpacked"));
            unpacked.resolve("bin").resolve("mvn").toFile().setExecutable(true, false);
            move(unpacked, home);
        } finally {
            delete(aside);
        }
    }

    private static void download(URI address, Path target) throws Exception {
        if ("file".equals(address.getScheme())) {
            Files.copy(Path.of(address), target);
            return;
        }
        HttpClient.Builder client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL);
        for (String name : List.of("https_proxy", "HTTPS_PROXY")) {
            String proxy = System.getenv(name);
            if (proxy != null && !proxy.isBlank()) {
                URI at = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
                int port = at.getPort() < 0 ? 80 : at.getPort();
                client.proxy(ProxySelector.of(new InetSocketAddress(at.getHost(), port)));
                break;
            }
        }
        try (HttpClient http = client.build()) {
            HttpResponse<Path> response =
                    http.send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofFile(target));
            if (response.statusCode() != 200) {
                throw new IOException("the server answered " + response.statusCode());
            }
        }
    }

    /// The one directory inside the archive.
    private static Path unpack(Path archive, Path directory) throws IOException {
        try (InputStream file = Files.newInputStream(archive);
                ZipInputStream zip = new ZipInputStream(file)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Path target = directory.resolve(entry.getName()).normalize();
                if (!target.startsWith(directory)) {
                    throw new IOException("the archive has an entry outside itself: " + entry.getName());
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                } else {
                    Files.createDirectories(target.getParent());
                    Files.copy(zip, target);
                }
            }
        }
        try (Stream<Path> inside = Files.list(directory)) {
            return inside.findFirst().orElseThrow(() -> new IOException("the archive is empty"));
        }
    }

    private static void move(Path unpacked, Path home) throws IOException {
        try {
            Files.move(unpacked, home, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            // Another build installed it at the same time; theirs is the same.
            if (!Files.isDirectory(home)) {
                throw e;
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
