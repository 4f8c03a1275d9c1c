package dev.bowline.tensor;

/// The messages of libtorch failures. The useful part is the text before the native stack.
public final class NativeErrors {

    private NativeErrors() {}

    /// The message of a libtorch failure without its native frames.
    public static String message(RuntimeException failure) {
        String text = String.valueOf(failure.getMessage());
        int end = text.length();
        for (String mark : new String[] {"\nException raised from", "\nframe #"}) {
            int at = text.indexOf(mark);
            if (at >= 0) {
                end = Math.min(end, at);
            }
        }
        return text.substring(0, end).strip();
    }

    /// True if libtorch could not allocate memory.
    public static boolean isOutOfMemory(RuntimeException failure) {
        String text = String.valueOf(failure.getMessage());
        return text.contains("you tried to allocate") || text.contains("can't allocate memory");
    }
}
