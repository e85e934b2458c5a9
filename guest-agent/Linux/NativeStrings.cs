using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <summary>A NULL-terminated array of C strings, for argv and envp.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly nint[] _strings;
    private readonly byte** _array;

    public NativeStrings(params ReadOnlySpan<string> strings)
    {
        _strings = new nint[strings.Length];
        _array = (byte**)NativeMemory.AllocZeroed((nuint)strings.Length + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < strings.Length; i++)
        {
            _strings[i] = Marshal.StringToCoTaskMemUTF8(strings[i]);
            _array[i] = (byte*)_strings[i];
        }
    }

    /// <summary>The array, valid until disposed.</summary>
    public byte** Pointer => _array;

    public void Dispose()
    {
        foreach (nint text in _strings)
        {
            Marshal.FreeCoTaskMem(text);
        }

        NativeMemory.Free(_array);
    }
}
