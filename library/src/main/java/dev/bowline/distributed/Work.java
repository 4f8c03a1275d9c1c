package dev.bowline.distributed;

/// A collective that runs while the caller computes (PyTorch: `torch.distributed.Work`).
public interface Work {

    /// Waits for the end. The tensors of the collective may be used and freed afterwards, not before.
    ///
    /// @throws RankFailure if another rank failed, or did not take part within the timeout
    void await();
}
