package dev.bowline.tensor;

import dev.bowline.BowlineException;
import dev.bowline.natives.NativeCache;
import dev.bowline.natives.NativeLibraries;
import dev.bowline.natives.NativePlatform;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/// libtorch itself.
public final class LibTorch {

    private LibTorch() {}

    /// Loads libtorch. Later calls do nothing.
    ///
    /// @throws BowlineException if this platform has no native libraries, or if the native libraries are not on
    ///     the class path, or do not load
    public static void load() {
        NativePlatform.requireSupported();
        NativeCache.use();
        try {
            Loader.load(torch.class);
        } catch (LinkageError e) {
            throw NativeLibraries.libtorchFailure(e);
        }
    }
}
