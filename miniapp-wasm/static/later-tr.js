export default `
Mesaj bırakın
Teşekkürler. Size yazacağız.
Şu anda kimse yok. E-posta adresinizle bir mesaj bırakın, e-posta ile yanıtlayalım.
Mesaj gönderilemedi. Lütfen birazdan yeniden deneyin.
Buradan çok fazla mesaj bırakıldı. Lütfen bir saat sonra yeniden deneyin.
Görüşmeyi e-posta ile gönder
Görüşme size gönderildi.
Şu anda gönderilemiyor.
Beklerken
Teklif
Sorular ve yanıtlar
Sorularda ara
Sonuç bulunamadı
Devamını oku
Sayfalar
Hakkınızda bildiklerimiz
Yanlış olanı düzeltin. Sizinle görüşecek kişi bunu okuyacak.
Düzelt
Teşekkürler. Not edildi.
Beklemeniz gerekmez: mesaj bırakın, e-posta ile yanıtlayalım.
Nasıldı?
Çok kötü
Kötü
İdare eder
İyi
Çok iyi
Eklemek istediğiniz bir şey var mı?
Yanıtınız için teşekkürler.
Sohbete buradan ulaşılamıyor.
Kendi penceresinde aç
Mesajınız
Beklemeniz gerekmez: telefon numaranızı bırakın, sizi arayalım.
Telefon numarası
Beni arayın
Teşekkürler. Sizi arayacağız.
Temsilci, yazdıklarınızı siz göndermeden önce görür.
`;
