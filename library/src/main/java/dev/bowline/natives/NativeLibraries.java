package dev.bowline.natives;

import dev.bowline.BowlineException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Explains why a native library did not load, with the fix.
public final class NativeLibraries {

    private static final List<String> ARTIFACTS = List.of("javacpp", "openblas", "pytorch");

    /// `pytorch` has a second set of natives, for GPUs.
    private static final List<String> VARIANTS = List.of("", "-gpu");

    private NativeLibraries() {}

    /// True if the class path has libtorch with CUDA for this platform.
    public static boolean hasGpuLibtorch() {
        return isOnClassPath("pytorch", NativePlatform.name() + "-gpu");
    }

    /// The failure to load libtorch or its bindings, as a user is told.
    public static BowlineException libtorchFailure(LinkageError failure) {
        Optional<BowlineException> unsupported = NativePlatform.unsupported();
        if (unsupported.isPresent()) {
            return unsupported.get();
        }
        List<String> missing = missing(NativePlatform.name());
        return missing.isEmpty()
                ? loadFailure("libtorch", failure)
                : new MissingNativesException("libtorch", missing, failure);
    }

    /// The failure to load a library that is on the class path.
    ///
    /// @param library the library's name in messages
    public static BowlineException loadFailure(String library, Throwable failure) {
        Optional<String> place = NativeCache.inUse().map(Object::toString);
        return new BowlineException(
                "%s does not load: %s".formatted(library, cause(failure)),
                ("native libraries are unpacked into %s, which needs 500 MB and must not be mounted noexec; remove that"
                                + " directory if a file in it is damaged, or set %s to another one")
                        .formatted(place.orElse("the cache directory"), NativeCache.VARIABLE),
                failure);
    }

    private static List<String> missing(String platform) {
        List<String> missing = new ArrayList<>();
        for (String artifact : ARTIFACTS) {
            if (VARIANTS.stream().noneMatch(variant -> isOnClassPath(artifact, platform + variant))) {
                missing.add("org.bytedeco:%s:jar:%s".formatted(artifact, platform));
            }
        }
        return missing;
    }

    private static boolean isOnClassPath(String artifact, String directory) {
        String binding = artifact.equals("pytorch") ? "jnitorch" : "jni" + artifact;
        return List.of("lib%s.so", "lib%s.dylib", "%s.dll").stream()
                .map(name -> "/org/bytedeco/%s/%s/%s".formatted(artifact, directory, name.formatted(binding)))
                .anyMatch(name -> NativeLibraries.class.getResource(name) != null);
    }

    /// The message of the innermost failure: the outer ones name classes of the bindings.
    private static String cause(Throwable failure) {
        Throwable inner = failure;
        while (inner.getCause() != null) {
            inner = inner.getCause();
        }
        return String.valueOf(inner.getMessage());
    }
}
