export default `
Size yardımcı olmak için buradayız
Bağlanıyor…
Yeniden bağlanıyor…
Bağlanıyorsunuz…
$1 ile bağlanıyorsunuz…
Görüşülen: $1
Birazdan biri katılacak…
Bir saniye…
Sıranız: $1
one=Sıranız: $1, yaklaşık $2 dakika|other=Sıranız: $1, yaklaşık $2 dakika
$1 için sırada bekleniyor
$1 katıldı
$1 ayrılmak zorunda kaldı. Sırada siz varsınız.
$1 birimine aktarılıyorsunuz
Artık $1 ile görüşüyorsunuz
Sohbeti sonlandırdınız
Sohbet sonlandırıldı
Sohbet bir süre mesaj gelmediği için sona erdi
Sohbet sona erdi: şu anda kapalıyız
Sohbet sunucu tarafından sonlandırıldı
Sohbet sona erdi
Yeni sohbet başlat
Bu görüşme başka bir yerde sürüyor.
Bu görüşme $1 üzerinde sürüyor.
Bu sohbet başka bir pencerede sürüyor.
Burada devam et
Sohbet bu sayfada kullanılamaz.
Sohbet güncellendi. Lütfen sayfayı yeniden yükleyin.
Bu mesaj çok uzun. Lütfen parçalar halinde gönderin.
Gönderilmeyi bekleyen çok fazla mesaj var. Lütfen bağlantıyı bekleyin.
Bir saniye: bağlanıyorsunuz. Mesajınız henüz gönderilmedi.
Önceki sohbet artık yok. Lütfen yeni bir sohbet başlatın.
Hâlâ bizimlesiniz: diğerlerine ulaşılamadı.
Sohbet burada sürdürülemedi.
Bu tür veya boyuttaki dosyalar burada gönderilemez.
Dosya gönderilemedi. Lütfen birazdan yeniden deneyin.
Son mesaj iletilemedi.
Sohbeti aç
Diğer
Sohbeti bitir
Sohbet penceresini kapat
Nasıl yardımcı olabiliriz?
Konu
Adınız
E-posta
isteğe bağlı
Sorunuz
Sohbeti başlat
Görüşme
yazıyor
Dosya gönderiliyor…
Gönderilecek dosyalar
Dosya gönder
Mesaj yazın
Gönder
Gönderiliyor…
Gönderildi
Görüldü
İletilmedi
Ses
Görüşmeyi kaydet
Siz
Emoji
`;
